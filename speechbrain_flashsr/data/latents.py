"""Latents cached on disk, so that teacher and student do not wait for the
encoder.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import json
import pathlib

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.autocast import AMPConfig, TorchAutocast
from speechbrain.utils.distributed import (
    ddp_barrier,
    is_distributed_initialized,
    run_on_main,
)
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from speechbrain_flashsr.audio.writing import complete_file
from speechbrain_flashsr.data.manifest import write_json


@torch.no_grad()
def cache_latents(
    dataset,
    features,
    autoencoder,
    folder,
    num_draws,
    batch_size=16,
    num_workers=0,
    device="cpu",
    precision="fp32",
    is_over=None,
):
    """Encodes draws of a dataset of segments to latents, once; returns how many
    this call has encoded.

    Writes a file <number>.safetensors for each batch: `high` and `low`, half
    precision, [draws, channels, frames, bands], and in its metadata their
    `domains`. A call that was interrupted or ran out of time is continued, and
    a cache of another autoencoder, number or length of segments, or size of
    batches is replaced. The processes of a distributed training share the
    batches; all must see the folder.

    Arguments
    ---------
    dataset : speechbrain_flashsr.data.segments.RandomSegments
        The segments; high-resolution spectrograms are continued above each
        clip's roll-off.
    features : speechbrain_flashsr.lobes.features.LogMel
        Waveform -> log-mel spectrogram.
    autoencoder : speechbrain_flashsr.lobes.autoencoder.Autoencoder
        Trained.
    folder : str
        Where to write.
    num_draws, batch_size : int
        How many draws in all, and at once.
    num_workers : int
        Of the data loader.
    device, precision : str
        Of the encoding; SpeechBrain's names.
    is_over : callable
        Asked before each batch but the first; True ends the encoding. In
        distributed training it must answer all processes alike.
    """
    folder = pathlib.Path(folder)
    features, autoencoder = features.to(device), autoencoder.to(device).eval()
    autoencoder.to(memory_format=torch.channels_last)  # twice as fast on a CPU
    settings = {
        "num_draws": num_draws,
        "batch_size": batch_size,
        "segment_length": dataset.segment_length,
        "autoencoder": _digest(autoencoder),
    }
    numbers = run_on_main(_missing, args=[folder, settings])
    rank, num_ranks = 0, 1
    if is_distributed_initialized():
        rank = torch.distributed.get_rank()
        num_ranks = torch.distributed.get_world_size()
    batches = [
        range(n * batch_size, min((n + 1) * batch_size, num_draws))
        for n in numbers
    ]
    loader = iter(
        DataLoader(
            dataset,
            batch_sampler=batches[rank::num_ranks],
            num_workers=num_workers,
            collate_fn=PaddedBatch,
        )
    )
    dtype = AMPConfig.from_name(precision).dtype
    autocast = TorchAutocast(torch.device(device).type, dtype=dtype)
    encoded = 0
    for first in tqdm(
        range(0, len(batches), num_ranks),
        desc="Caching latents",
        dynamic_ncols=True,
        disable=rank > 0,
    ):
        if first and is_over is not None and is_over():
            break
        if first + rank < len(batches):
            batch = next(loader).to(device)
            high, low = batch.high.data, batch.low.data
            mel = features.extended(high, batch.rolloff_hz)
            with autocast:
                latents = {
                    "high": autoencoder.encode(mel),
                    "low": autoencoder.encode(features(low)),
                }
            path = folder / f"{numbers[first + rank]:06}.safetensors"
            with complete_file(path) as temporary:
                save_file(
                    {k: z.half().contiguous() for k, z in latents.items()},
                    temporary,
                    {"domains": json.dumps(list(batch.domain))},
                )
        # Processes wait for each other at every batch: no wait is long.
        ddp_barrier()
        encoded += sum(map(len, batches[first : first + num_ranks]))
    return encoded


def _missing(folder, settings):
    """Removes the cache if it has other settings; returns the numbers of the
    batches that it lacks."""
    path = folder / "settings.json"
    if not path.exists() or json.loads(path.read_text()) != settings:
        for old in folder.glob("*.safetensors"):
            old.unlink()
        write_json(path, settings)
    count = -(-settings["num_draws"] // settings["batch_size"])
    done = {int(path.stem) for path in folder.glob("*.safetensors")}
    return sorted(set(range(count)) - done)


def _digest(module):
    """SHA-256 of a module's weights, which determine the latents."""
    digest = hashlib.sha256()
    for value in module.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()


class LatentPairs(Dataset):
    """Cached latents as training draws.

    Arguments
    ---------
    folder : str
        That :func:`cache_latents` wrote.
    num_draws : int
        Length of an epoch; by default that of the cache. Draws beyond the
        end of the cache start at its beginning again.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> latents = {name: torch.ones(2, 1, 1, 1) for name in ("high", "low")}
    >>> metadata = {"domains": '["speech", "music"]'}
    >>> save_file(latents, folder / "000000.safetensors", metadata)
    >>> LatentPairs(folder)[3]["z_high"], LatentPairs(folder)[3]["domain"]
    (tensor([[[1.]]]), 'music')
    """

    def __init__(self, folder, num_draws=None):
        self.paths = sorted(pathlib.Path(folder).glob("*.safetensors"))
        self.domains = []
        for path in self.paths:
            with safe_open(path, "pt") as file:
                self.domains += json.loads(file.metadata()["domains"])
            if path is self.paths[0]:
                self.batch_size = len(self.domains)  # of all but the last
        self.num_draws = num_draws or len(self.domains)

    def __len__(self):
        return self.num_draws

    def __getitem__(self, draw):
        """Returns `id` (the draw), `z_high` and `z_low`, [channels, frames,
        bands], and the recording's `domain`."""
        index = draw % len(self.domains)
        number, row = divmod(index, self.batch_size)
        dtype = torch.get_default_dtype()
        with safe_open(self.paths[number], "pt") as file:
            return {
                "id": str(draw),
                "z_high": file.get_slice("high")[row].to(dtype),
                "z_low": file.get_slice("low")[row].to(dtype),
                "domain": self.domains[index],
            }
