"""Perceptual metrics, computed by packages that users install.

    pip install 'speechbrain_flashsr[evaluate]'

All functions take batches [batch, time] at 48 kHz and return one value a clip,
[batch], like those of :mod:`~speechbrain_flashsr.metrics`. ViSQOL hears the
whole band. PESQ and DNSMOS work at 16 kHz and STOI at 10 kHz: they tell systems
apart where the cut-off is lower than half of that, and nowhere else.

Authors
 * The speechbrain_flashsr developers 2026
"""

import importlib.util
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.audio.resampling import Resampler

RATE = 16000

P808_SECONDS = 9.01
"""Length of the P.808 network's input."""

VISQOL_LEAST_SECONDS = 1.0
"""ViSQOL refuses clips that are shorter (0.96 s is its limit)."""

PACKAGES = {
    "pesq": ("pesq",),
    "stoi": ("pystoi",),
    "estoi": ("pystoi",),
    "p808": ("speechmos", "onnxruntime", "librosa"),
    "visqol": ("visqol",),
}
"""Packages that each metric needs."""


def missing_packages(metric):
    """Packages that a metric needs and that are not installed."""
    return [
        package
        for package in PACKAGES.get(metric, ())
        if importlib.util.find_spec(package) is None
    ]


def pesq(predictions, targets):
    """Wideband PESQ (ITU-T P.862.2): a mean opinion score of 1.04 to 4.64.

    Predictions and targets are [batch, time], the result is [batch]: NaN where
    it finds no speech in the target, where the prediction is silent, and for
    clips shorter than a quarter of a second."""
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

    Predictions and targets are [batch, time], the result is [batch]: NaN for
    clips with less than 0.4 s of sound."""
    from pystoi import stoi as measure

    def value(prediction, target):
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            try:
                return measure(target, prediction, RATE, extended=extended)
            except RuntimeWarning:  # Too little sound
                return float("nan")

    return _of_each_clip(value, predictions, targets)


def p808(predictions):
    """Quality of speech that DNSMOS predicts, 1 to 5.

    Without a reference, by the network that estimates ratings in the manner of
    ITU-T P.808: C. K. A. Reddy et al., "DNSMOS: a non-intrusive perceptual
    objective speech quality metric to evaluate noise suppressors", ICASSP 2021,
    https://arxiv.org/abs/2010.15258. The package `speechmos` ships it. Clips
    shorter than 9 s are repeated; the score of longer ones is the mean over
    windows that are a second apart.

    Predictions are [batch, time], the result is [batch]: NaN of silence."""
    network = _dnsmos()

    def value(prediction):
        if not prediction.any():
            return float("nan")
        clip = prediction
        while len(clip) < P808_SECONDS * RATE:
            clip = np.append(clip, clip)
        # As `run` of the package does it, which computes P.835 as well.
        windows = int(len(clip) // RATE - P808_SECONDS) + 1
        features = [
            network.audio_melspec(
                clip[second * RATE :][: int(P808_SECONDS * RATE) - 160]
            )
            for second in range(windows)
        ]
        features = np.stack(features).astype("float32")
        scores = network.p808_onnx_sess.run(None, {"input_1": features})
        return float(scores[0].mean())

    return _of_each_clip(value, predictions)


@lru_cache(maxsize=1)
def _dnsmos():
    from speechmos import dnsmos

    models = Path(dnsmos.__file__).parent / "dnsmos_models"
    return dnsmos.DNSMOS(
        str(models / "sig_bak_ovr.onnx"), str(models / "model_v8.onnx")
    )


def visqol(predictions, targets):
    """ViSQOL in audio mode: a mean opinion score of 1 to 4.73 at 48 kHz.

    M. Chinen et al., "ViSQOL v3: an open source production ready objective
    speech and audio metric", QoMEX 2020, https://arxiv.org/abs/2004.09584: the
    similarity of gammatone spectrograms, up to 24 kHz. It judges any sound.

    Predictions and targets are [batch, time], the result is [batch]: NaN where
    either is silent, and for clips shorter than a second."""

    def value(prediction, target):
        too_short = len(target) < VISQOL_LEAST_SECONDS * SAMPLE_RATE
        if too_short or not prediction.any() or not target.any():
            return float("nan")
        result = _visqol().measure_from_arrays(target, prediction, SAMPLE_RATE)
        return result.moslqo

    return _of_each_clip(value, predictions, targets, rate=SAMPLE_RATE)


@lru_cache(maxsize=1)
def _visqol():
    from visqol import VisqolApi

    api = VisqolApi()
    api.create(mode="audio")
    return api


def _of_each_clip(function, *batches, rate=RATE):
    """Calls a function with numpy arrays [time] at a rate."""
    resampler = Resampler(SAMPLE_RATE, rate)
    batches = [resampler(b.detach().float()).cpu() for b in batches]
    values = [function(*(c.numpy() for c in clips)) for clips in zip(*batches)]
    return torch.tensor(values, dtype=torch.float64)
