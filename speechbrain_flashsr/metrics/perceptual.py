"""Perceptual metrics of speech, computed by packages that users install.

    pip install 'speechbrain_flashsr[evaluate]'

All functions take batches [batch, time] at 48 kHz and return one value a clip,
[batch], like those of :mod:`~speechbrain_flashsr.metrics`. What they hear ends
far below 24 kHz: PESQ and DNSMOS work at 16 kHz, STOI at 10 kHz. They tell
systems apart where the cut-off is lower than that, and nowhere else.

Authors
 * The speechbrain_flashsr developers 2026
"""

import importlib.util
import warnings
from functools import lru_cache

import torch

from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.metrics.spectral import SAMPLE_RATE

RATE = 16000

PACKAGES = {
    "pesq": ("pesq",),
    "stoi": ("pystoi",),
    "estoi": ("pystoi",),
    "dnsmos": ("speechmos", "onnxruntime", "librosa"),
}
"""What each metric is computed with."""


def missing_packages(metric):
    """Packages that a metric needs and that are not installed.

    Arguments
    ---------
    metric : str
        A key of `PACKAGES`; of other metrics nothing is missing.

    Returns
    -------
    list of str

    Example
    -------
    >>> missing_packages("lsd")
    []
    """
    return [
        package
        for package in PACKAGES.get(metric, ())
        if importlib.util.find_spec(package) is None
    ]


def pesq(predictions, targets):
    """Wideband PESQ (ITU-T P.862.2): a mean opinion score of 1.04 to 4.64.

    Arguments
    ---------
    predictions : torch.Tensor
        [batch, time].
    targets : torch.Tensor
        [batch, time].

    Returns
    -------
    torch.Tensor
        [batch]; NaN where it finds no speech in the target, where the
        prediction is silent, and for clips shorter than a quarter of a second.
    """
    from pesq import (
        PesqError,
        pesq as itu_pesq,
    )

    def value(prediction, target):
        if not prediction.any():
            return float("nan")
        try:
            return itu_pesq(RATE, target, prediction, "wb")
        except PesqError:
            return float("nan")

    return _of_each_clip(value, predictions, targets)


def stoi(predictions, targets, extended=False):
    """Short-time objective intelligibility, 1 at best.

    C. H. Taal et al., "An algorithm for intelligibility prediction of
    time-frequency weighted noisy speech", IEEE TASLP 2011; extended: J. Jensen
    and C. H. Taal, "An algorithm for predicting the intelligibility of speech
    masked by modulated noise maskers", IEEE/ACM TASLP 2016.

    Arguments
    ---------
    predictions : torch.Tensor
        [batch, time].
    targets : torch.Tensor
        [batch, time].
    extended : bool
        Whether to compute the extended measure.

    Returns
    -------
    torch.Tensor
        [batch]; NaN for clips with less than 0.4 s of sound.
    """
    from pystoi import stoi as measure

    def value(prediction, target):
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            try:
                return measure(target, prediction, RATE, extended=extended)
            except RuntimeWarning:  # Too little sound
                return float("nan")

    return _of_each_clip(value, predictions, targets)


def dnsmos(predictions):
    """Overall quality that DNSMOS expects listeners to hear, 1 to 5.

    Without a reference, by the network of C. K. A. Reddy et al., "DNSMOS
    P.835", ICASSP 2022, https://arxiv.org/abs/2110.01763, which the package
    `speechmos` ships. It was trained on noisy speech, not on
    super-resolution. Samples beyond full scale are clipped.

    Arguments
    ---------
    predictions : torch.Tensor
        [batch, time].

    Returns
    -------
    torch.Tensor
        [batch]; NaN of silence.
    """
    from speechmos import dnsmos as network

    def value(prediction):
        if not prediction.any():
            return float("nan")
        clipped = prediction.clip(-1, 1).astype("float32")
        return float(network.run(clipped, RATE)["ovrl_mos"])

    return _of_each_clip(value, predictions)


def _of_each_clip(function, *batches):
    """Calls a function with numpy arrays [time] at 16 kHz."""
    batches = [_resampler()(b.detach().float()).cpu() for b in batches]
    values = [function(*(c.numpy() for c in clips)) for clips in zip(*batches)]
    return torch.tensor(values, dtype=torch.float64)


@lru_cache(maxsize=1)
def _resampler():
    return Resampler(SAMPLE_RATE, RATE)
