"""Log-mel spectrograms with fewer passes over memory.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch.nn import functional as F

from speechbrain_flashsr.lobes.features import LogMel

BLOCK = 64
"""Frames that are worked on at a time: they fit the processor's cache."""


class FastLogMel(LogMel):
    """A :class:`LogMel` that is about twice as fast on a CPU, without
    gradients.

    Example
    -------
    >>> wavs = torch.randn(2, 9600)
    >>> with torch.no_grad():
    ...     difference = FastLogMel()(wavs) - LogMel()(wavs)
    >>> bool(difference.abs().max() < 1e-3)
    True
    """

    def forward(self, wavs):
        """See :meth:`LogMel.forward`."""
        if torch.is_grad_enabled() or wavs.device.type != "cpu":
            return super().forward(wavs)
        padding = self.padding, self.padding
        padded = F.pad(wavs.unsqueeze(1), padding, mode="reflect").squeeze(1)
        window = self.mel.spectrogram.window
        frames = padded.unfold(1, len(window), self.hop_length)
        mel = wavs.new_empty(*frames.shape[:2], self.n_mels)
        with torch.autocast(wavs.device.type, enabled=False):
            for block, rows in zip(frames.split(BLOCK, 1), mel.split(BLOCK, 1)):
                spectrum = torch.fft.rfft(block * window)
                real, imaginary = spectrum.real, spectrum.imag
                power = real.square().addcmul_(imaginary, imaginary)
                rows.copy_(power.sqrt_() @ self.mel.mel_scale.fb)
        return mel.clamp_min_(self.floor).log_().unsqueeze(1)
