"""Latents cached on disk, so that teacher and student never wait for the
encoder.

Authors
 * The speechbrain_flashsr developers 2026
"""

import hashlib
import json
import os
import pathlib

import numpy as np
import torch
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.distributed import run_on_main
from torch.utils.data import DataLoader, Dataset, Subset
from tqdm import tqdm

from speechbrain_flashsr.lobes.features import extend_band, normalize_pair

DTYPES = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


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
):
    """Encodes draws of a dataset of segments to latents, once.

    Writes `high.npy` and `low.npy`, half precision, [num_draws, channels,
    frames, bands], and `progress.json`; goes on where it was interrupted, does
    nothing if all is there, and begins anew if the autoencoder has changed. Only the main process works, the others wait.

    Arguments
    ---------
    dataset : speechbrain_flashsr.dataio.RandomSegments
        The segments; high-resolution spectrograms are continued above each
        clip's roll-off.
    features : speechbrain_flashsr.lobes.features.LogMel
        Waveform -> log-mel spectrogram.
    autoencoder : speechbrain_flashsr.lobes.autoencoder.Autoencoder
        Trained.
    folder : str
        Where to write.
    num_draws : int
        How many draws.
    batch_size : int
        Segments encoded at once.
    num_workers : int
        Of the data loader.
    device : str
        Where to encode.
    precision : str
        `fp32`, `bf16` or `fp16`, of the encoding.
    """
    run_on_main(
        _cache,
        args=[
            dataset,
            features.to(device),
            autoencoder.to(device).eval(),
            pathlib.Path(folder),
            num_draws,
            batch_size,
            num_workers,
            device,
            precision,
        ],
    )


@torch.no_grad()
def _cache(
    dataset,
    features,
    autoencoder,
    folder,
    num_draws,
    batch_size,
    num_workers,
    device,
    precision,
):
    progress = folder / "progress.json"
    state = {"num_draws": num_draws, "autoencoder": _digest(autoencoder)}
    done = 0
    if progress.exists():
        found = json.loads(progress.read_text())
        if all(found.get(key) == value for key, value in state.items()):
            done = found["done"]
    if done == num_draws:
        return
    folder.mkdir(parents=True, exist_ok=True)
    frames = dataset.segment_length // features.hop_length
    shape = autoencoder.latent_shape((1, 1, frames, features.n_mels))
    arrays = {
        name: np.lib.format.open_memmap(
            folder / f"{name}.npy",
            mode="r+" if done else "w+",
            dtype=np.float16,
            shape=(num_draws, *shape),
        )
        for name in ("high", "low")
    }
    loader = DataLoader(
        Subset(dataset, range(done, num_draws)),
        batch_size=batch_size,
        num_workers=num_workers,
        collate_fn=PaddedBatch,
    )
    centres = features.band_centres()
    for batch in tqdm(loader, desc="Caching latents", dynamic_ncols=True):
        batch = batch.to(device)
        high, low = normalize_pair(batch.high.data, batch.low.data)
        mel = extend_band(features(high), batch.rolloff_hz.to(device), centres)
        with torch.autocast(
            torch.device(device).type, DTYPES[precision], precision != "fp32"
        ):
            encoded = {
                "high": autoencoder.encode(mel),
                "low": autoencoder.encode(features(low)),
            }
        stop = done + len(high)
        for name, latent in encoded.items():
            arrays[name][done:stop] = latent.float().cpu().numpy()
        done = stop
        _write_progress(progress, {**state, "done": done})


def _digest(module):
    """SHA-256 of a module's weights: other weights make other latents."""
    digest = hashlib.sha256()
    for value in module.state_dict().values():
        digest.update(value.cpu().numpy().tobytes())
    return digest.hexdigest()


def _write_progress(path, state):
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(state))
    os.replace(partial, path)


class LatentPairs(Dataset):
    """Cached latents as training draws.

    Arguments
    ---------
    folder : str
        That :func:`cache_latents` wrote.
    num_draws : int
        Length of an epoch; by default that of the cache. Draws beyond the
        cache begin it anew.

    Example
    -------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name in ("high", "low"):
    ...     np.save(
    ...         f"{folder.name}/{name}.npy", np.ones((2, 1, 1, 1), np.float16)
    ...     )
    >>> LatentPairs(folder.name)[3]["z_high"]
    tensor([[[1.]]])
    """

    def __init__(self, folder, num_draws=None):
        self.high = np.load(f"{folder}/high.npy", mmap_mode="r")
        self.low = np.load(f"{folder}/low.npy", mmap_mode="r")
        self.num_draws = num_draws or len(self.high)

    def __len__(self):
        return self.num_draws

    def __getitem__(self, draw):
        """Returns `id` (the draw), `z_high` and `z_low`, [channels, frames,
        bands]."""
        index = draw % len(self.high)
        dtype = torch.get_default_dtype()
        return {
            "id": str(draw),
            "z_high": torch.from_numpy(self.high[index]).to(dtype),
            "z_low": torch.from_numpy(self.low[index]).to(dtype),
        }
