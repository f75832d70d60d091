"""Damaged hyperparameters and manifests: refused with one clear error, and no
code in them runs.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json

import numpy as np
import soundfile
from speechbrain.inference.interfaces import Pretrained  # noqa: F401

from speechbrain_flashsr.audio.checks import AudioError
from speechbrain_flashsr.checkpoints import CheckpointError, ModelError
from speechbrain_flashsr.data.segments import RandomSegments
from speechbrain_flashsr.inference import FlashSR
from tests.fuzz.checkpoints import check_message
from tests.fuzz.damage import VALUES, damage
from tests.tiny_model import TINY_HPARAMS, save_tiny_model


class Hyperparams:
    """Model folders whose hyperparameters are damaged or hostile."""

    def __init__(self, folder):
        self.folder = folder / "model"
        self.path = self.folder / "hyperparams.yaml"
        self.pwned = folder / "pwned"
        save_tiny_model(self.folder)

    def hostile(self, rng):
        """A value that would run code if it were loaded."""
        template = rng.choice(
            [
                "!apply:os.mkdir ['{}']",
                "!applyref:os.mkdir ['{}']",
                "!new:subprocess.Popen [[mkdir, '{}']]",
                "!name:os.mkdir ['{}']",
                "!!python/object/apply:os.mkdir ['{}']",
                "(!!python/object/apply:os.mkdir ['{}'])",
                "!tuple (!!python/object/apply:os.mkdir ['{}'])",
                "!ref <unet.__class__>",
                "!include:/etc/passwd",
            ]
        )
        return template.format(self.pwned)

    def run(self, rng):
        """One case."""
        lines = TINY_HPARAMS.splitlines()
        for _ in range(rng.randint(1, 4)):
            index = rng.randrange(len(lines))
            key, colon, value = lines[index].partition(": ")
            change = rng.randrange(8)
            if change == 0:
                del lines[index]
            elif change == 1:
                lines.insert(index, rng.choice(lines))
            elif change == 2:
                lines[index] = " " * rng.randrange(9) + lines[index].lstrip()
            elif change in (3, 4) and colon:
                lines[index] = f"{key}: {json.dumps(rng.choice(VALUES))}"
            elif change == 5 and colon:
                lines[index] = f"{key}: {self.hostile(rng)}"
            elif change == 6 and colon:
                other = rng.choice(lines).partition(": ")[2]
                lines[index] = f"{key}: {other}"
            elif value:
                lines[index] = damage(lines[index].encode(), rng).decode(
                    "latin1"
                )
        text = "\n".join(lines).encode()
        if rng.random() < 0.2:
            text = damage(text, rng)
        self.path.write_bytes(text)
        try:
            FlashSR.from_hparams(self.folder, run_opts={"device": "cpu"})
            outcome = "loaded"
        except (ModelError, CheckpointError) as error:
            check_message(error, self.folder)
            outcome = "refused"
        except AudioError as error:  # of the interface, not of the folder
            check_message(error, "window_length")
            outcome = "refused"
        assert not self.pwned.exists(), "code was run"
        return outcome


class Manifests:
    """Manifests with damaged bytes or unexpected values."""

    def __init__(self, folder):
        self.path = folder / "train.json"
        self.folder = folder
        entries = {}
        for name in ("a", "b"):
            wav = np.random.default_rng(0).uniform(-0.1, 0.1, 4800)
            soundfile.write(folder / f"{name}.wav", wav, 48000)
            entries[name] = {
                "wav": f"{{data_root}}/{name}.wav",
                "start": 0,
                "stop": 4800,
                "sample_rate": 48000,
                "duration": 0.1,
                "domain": "speech",
                "group": "one",
                "rolloff_hz": 20000,
            }
        self.text = json.dumps(entries, indent=1)

    def run(self, rng):
        """One case."""
        text = self.text.encode()
        if rng.random() < 0.5:
            text = damage(text, rng)
        else:
            entries = json.loads(text)
            entry = entries[rng.choice(list(entries))]
            key = rng.choice(list(entry))
            entry[key] = rng.choice(VALUES)
            if rng.random() < 0.2:
                del entry[key]
            text = json.dumps(entries).encode()
        self.path.write_bytes(text)
        try:
            segments = RandomSegments(
                str(self.path), str(self.folder), 9600, {"speech": 1.0}
            )
            item = segments[rng.randrange(100)]
        except ValueError as error:
            named = "cannot be trained on" in str(error)  # the recording
            check_message(error, "'" if named else self.path)
            return "refused"
        assert item["high"].shape == item["low"].shape == (9600,)
        assert item["high"].isfinite().all() and item["low"].isfinite().all()
        return "read"
