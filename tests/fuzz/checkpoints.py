"""Damaged weights: refused with one clear error, or loaded as they were.

Authors
 * The speechbrain_flashsr developers 2026
"""

import warnings

import torch
from safetensors.torch import save_file

from speechbrain_flashsr.checkpoints import CheckpointError, load_strictly
from speechbrain_flashsr.checkpoints.external import files
from speechbrain_flashsr.checkpoints.external.keys import published_keys
from speechbrain_flashsr.checkpoints.reading import digest_of_file
from speechbrain_flashsr.lobes.unet import LatentUNet
from speechbrain_flashsr.lobes.vocoder import SRVocoder
from tests.fuzz.damage import damage

warnings.simplefilter("ignore")


def check_message(error, path):
    """One line that names the file and is short enough to read."""
    message = str(error)
    assert str(path) in message and len(message) < 2000, message
    assert "\n" not in message, message


class Checkpoints:
    """Damaged bytes of the three formats that are read."""

    def __init__(self, folder):
        torch.manual_seed(0)
        self.module = self.make()
        self.state = self.module.state_dict()
        self.path = folder / "unet.ckpt"
        self.originals = {}
        for name, save in {
            "archive": lambda: torch.save(self.state, self.path),
            "pickle": lambda: torch.save(
                self.state, self.path, _use_new_zipfile_serialization=False
            ),
            "safetensors": lambda: save_file(self.state, self.path),
        }.items():
            save()
            self.originals[name] = (
                self.path.read_bytes(),
                digest_of_file(self.path),
            )

    @staticmethod
    def make():
        """A network small enough that most damage hits its names."""
        return torch.nn.Sequential(
            torch.nn.Conv1d(3, 4, 5), torch.nn.BatchNorm1d(4)
        )

    def run(self, rng):
        """One case."""
        kind = rng.choice(list(self.originals))
        original, digest = self.originals[kind]
        content = damage(original, rng)
        self.path.write_bytes(content)
        with_digest = rng.random() < 0.5
        module = self.make()
        before = {k: v.clone() for k, v in module.state_dict().items()}
        try:
            load_strictly(module, self.path, digest if with_digest else None)
        except CheckpointError as error:
            check_message(error, self.path)
            after = module.state_dict()
            assert all(torch.equal(after[k], v) for k, v in before.items())
            return "refused"
        after = module.state_dict()
        assert all(value.isfinite().all() for value in after.values())
        if with_digest:
            assert content == original, "the digest was not looked at"
        if with_digest or kind == "archive":
            assert all(torch.equal(after[k], v) for k, v in self.state.items())
        return "loaded"


class Published:
    """Published files with other tensors in them than there should be."""

    def __init__(self, folder):
        torch.manual_seed(0)
        self.networks = []
        for network, name, source in (
            (LatentUNet(4, 32, (1, 2), 1, (2,), 1), "unet", files.flashsr_unet),
            (
                SRVocoder(8, 16, (3, 2), (3, 5)),
                "vocoder",
                files.flashsr_vocoder,
            ),
        ):
            path = folder / f"{name}.pth"
            prefix = source(path).prefix
            state = network.state_dict()
            state = {
                prefix + published: state[own]
                for published, own in published_keys(network).items()
            }
            self.networks.append((source(path), state))

    def run(self, rng):
        """One case."""
        network, state = rng.choice(self.networks)
        state = dict(state)
        for _ in range(rng.randint(0, 3)):
            key = rng.choice(list(state))
            value = rng.choice(list(state.values()))
            change = rng.randrange(7)
            if change == 0:
                del state[key]
            elif change == 1:
                state[key] = value
            elif change == 2:
                state[key + rng.choice([".x", "0", ""])] = value[:0]
            elif change == 3:
                state[key] = value.flatten()[0]
            elif change == 4:
                state[key] = torch.zeros(1).expand(
                    rng.choice([(10**10,), (3, 3, 10**9), (1,) * 8])
                )
            elif change == 5:
                state[key] = state[key] * float(
                    rng.choice(["nan", "inf", 1e30])
                )
            else:
                state[key] = state[key].to(
                    rng.choice([torch.int8, torch.bool, torch.complex64])
                )
        torch.save(state, network.path)
        try:
            network.check(rng.choice([torch.float16, torch.float32]))
        except CheckpointError as error:
            check_message(error, network.path)
            return "refused"
        return "accepted"
