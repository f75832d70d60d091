"""Latents cached on disk, so that teacher and student do not wait for the
encoder.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import json
import pathlib

import numpy as np
import torch
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.autocast import AMPConfig
from speechbrain.utils.distributed import (
    ddp_barrier,
    is_distributed_initialized,
    run_on_main,
)
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from speechbrain_flashsr.data.manifest import write_json
from speechbrain_flashsr.lobes.features import extend_band


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

    Writes `high.npy` and `low.npy`, half precision, [num_draws, channels,
    frames, bands], `domain.npy`, indices into the list in `domains.json`,
    [num_draws], and `progress.json`. A call that was interrupted or ran out of
    time is continued, a complete cache is kept, and a cache of another
    autoencoder, number or length of segments is replaced. The processes of a
    distributed training share the batches; all must see the folder.

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
    layout = _layout(dataset, features, autoencoder)
    state = {
        "num_draws": num_draws,
        "autoencoder": _digest(autoencoder),
        "arrays": list(layout[0]),
    }
    done = run_on_main(_begin, args=[folder, state, layout])
    if done == num_draws:
        return 0
    rank, num_ranks = 0, 1
    if is_distributed_initialized():
        rank = torch.distributed.get_rank()
        num_ranks = torch.distributed.get_world_size()
    batches = [
        range(start, min(start + batch_size, num_draws))
        for start in range(done, num_draws, batch_size)
    ]
    loader = iter(
        DataLoader(
            dataset,
            batch_sampler=batches[rank::num_ranks],
            num_workers=num_workers,
            collate_fn=PaddedBatch,
        )
    )
    domains = json.loads((folder / "domains.json").read_text())
    centres = features.band_centres()
    stop = done
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
            rolloff_hz = batch.rolloff_hz.to(device)
            mel = extend_band(features(high), rolloff_hz, centres)
            with torch.autocast(
                torch.device(device).type,
                AMPConfig.from_name(precision).dtype,
                precision != "fp32",
            ):
                rows = {
                    "high": autoencoder.encode(mel),
                    "low": autoencoder.encode(features(low)),
                    "domain": torch.tensor(
                        [domains.index(name) for name in batch.domain]
                    ),
                }
            for name, values in rows.items():
                _write_rows(
                    folder / f"{name}.npy",
                    batches[first + rank].start,
                    values.float().cpu().numpy(),
                )
        # Processes wait for each other at every batch: no wait is long.
        ddp_barrier()
        stop = batches[min(first + num_ranks, len(batches)) - 1].stop
        if rank == 0:
            write_json(folder / "progress.json", {**state, "done": stop})
    ddp_barrier()
    return stop - done


def _layout(dataset, features, autoencoder):
    """Layout of a cache: {name: (type, shape of a row)} of its arrays, and the
    names of the domains."""
    frames = dataset.segment_length // features.hop_length
    shape = autoencoder.latent_shape((1, 1, frames, features.n_mels))
    arrays = {
        "high": (np.float16, shape),
        "low": (np.float16, shape),
        "domain": (np.int8, ()),
    }
    return arrays, list(dataset.domains)


def _begin(folder, state, layout):
    """Makes the files of a cache, unless they are there; returns how many draws
    they hold."""
    progress = folder / "progress.json"
    if progress.exists():
        found = json.loads(progress.read_text())
        shape = np.load(folder / "high.npy", mmap_mode="r").shape[1:]
        if shape == layout[0]["high"][1] and all(
            found.get(key) == value for key, value in state.items()
        ):
            return found["done"]
        progress.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    arrays, domains = layout
    for name, (dtype, shape) in arrays.items():
        np.lib.format.open_memmap(
            folder / f"{name}.npy",
            mode="w+",
            dtype=dtype,
            shape=(state["num_draws"], *shape),
        ).flush()
    write_json(folder / "domains.json", domains)
    return 0


def _write_rows(path, start, rows):
    """Writes rows into an array on disk. Not through a memory map: other
    machines may write the neighbouring rows of the same page."""
    array = np.load(path, mmap_mode="r")
    rows = np.ascontiguousarray(rows, dtype=array.dtype)
    with open(path, "r+b") as file:
        file.seek(array.offset + start * array.strides[0])
        file.write(rows.tobytes())


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
    >>> for name in ("high", "low"):
    ...     np.save(folder / f"{name}.npy", np.ones((2, 1, 1, 1), np.float16))
    >>> np.save(folder / "domain.npy", np.zeros(2, np.int8))
    >>> _ = (folder / "domains.json").write_text('["speech"]')
    >>> _ = (folder / "progress.json").write_text('{"done": 2}')
    >>> LatentPairs(folder)[3]["z_high"]
    tensor([[[1.]]])
    """

    def __init__(self, folder, num_draws=None):
        folder = pathlib.Path(folder)
        done = json.loads((folder / "progress.json").read_text())["done"]
        self.high = np.load(folder / "high.npy", mmap_mode="r")[:done]
        self.low = np.load(folder / "low.npy", mmap_mode="r")[:done]
        names = json.loads((folder / "domains.json").read_text())
        indices = np.load(folder / "domain.npy")[:done]
        self.domains = [names[index] for index in indices]
        self.num_draws = num_draws or len(self.high)

    def __len__(self):
        return self.num_draws

    def __getitem__(self, draw):
        """Returns `id` (the draw), `z_high` and `z_low`, [channels, frames,
        bands], and the recording's `domain`."""
        index = draw % len(self.high)
        dtype = torch.get_default_dtype()
        return {
            "id": str(draw),
            "z_high": torch.tensor(self.high[index], dtype=dtype),
            "z_low": torch.tensor(self.low[index], dtype=dtype),
            "domain": self.domains[index],
        }
