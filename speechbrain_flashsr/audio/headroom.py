"""Levels that leave headroom, for recordings of any length.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
import tempfile

import numpy as np
import torch

from speechbrain_flashsr.audio.checks import AudioError

LARGEST = 1 - 2**-15
"""Largest sample of 16 bits."""


class Headroom:
    """Lowers a recording, if need be, so that its peaks stay below full scale
    by a number of decibels, 0 or more; another one raises an AudioError.

    One gain, `gain_db`, holds for the whole recording. The samples wait in a
    temporary file until it is known.

    Example
    -------
    >>> headroom = Headroom(6)
    >>> (block,) = headroom([torch.tensor([[0.5, -2.0]])])
    >>> block, round(headroom.gain_db)
    (tensor([[ 0.1253, -0.5012]]), -12)
    """

    def __init__(self, decibels):
        try:
            limit = 10 ** (-float(decibels) / 20)
        except (TypeError, ValueError, OverflowError):
            limit = math.nan
        if not 0 < limit <= 1:
            raise AudioError(
                f"headroom is {decibels!r}. Choose how many dB the peaks are "
                "to stay below full scale, 0 or more, for example 1."
            )
        self._limit = min(limit, LARGEST)
        self.gain_db = 0.0

    def __call__(self, blocks):
        """Yields the blocks of a recording, [channels, time], on the CPU,
        lowered by `gain_db`."""
        shapes = []
        peak = 0.0
        with tempfile.TemporaryFile() as file:
            for block in blocks:
                samples = block.detach().to("cpu", torch.float32)
                peak = max(peak, samples.abs().max().item())
                shapes.append(samples.shape)
                try:
                    file.write(samples.contiguous().numpy())
                except OSError as error:
                    raise AudioError(
                        f"The folder of temporary files, "
                        f"'{tempfile.gettempdir()}', has no room for the "
                        f"recording ({error.strerror}). Name another in the "
                        "environment variable TMPDIR, or leave out headroom."
                    ) from error
            gain = min(1.0, self._limit / peak) if peak > 0 else 1.0
            self.gain_db = 20 * math.log10(gain)
            file.seek(0)
            for shape in shapes:
                samples = np.frombuffer(
                    file.read(4 * shape.numel()), dtype=np.float32
                )
                yield gain * torch.from_numpy(samples.copy()).view(shape)
