"""Low-pass simulation for training (first version, to be extended in place).

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import scipy.signal

RIPPLE_DB = 0.1
STOP_DB = 60
FAMILIES = ("cheby1", "butter", "bessel", "ellip")


def low_pass(wav, sample_rate, cutoff_hz, family="cheby1", order=8):
    extra = {
        "cheby1": {"rp": RIPPLE_DB},
        "ellip": {"rp": RIPPLE_DB, "rs": STOP_DB},
        "butter": {},
        "bessel": {"norm": "phase"},
    }[family]
    design = getattr(scipy.signal, family)
    if cutoff_hz >= sample_rate / 2:
        return wav
    sos = design(
        order, Wn=cutoff_hz, btype="low", fs=sample_rate, output="sos", **extra
    )
    filtered = scipy.signal.sosfiltfilt(sos, wav)
    rate = int(2 * cutoff_hz)
    down = scipy.signal.resample_poly(filtered, rate, sample_rate)
    up = scipy.signal.resample_poly(down, sample_rate, rate)
    return up[..., : wav.shape[-1]]


def random_low_pass(
    wav, rng, sample_rate=48000, min_hz=2000, max_hz=16000, log_uniform=True
):
    if log_uniform:
        cutoff = np.exp(rng.uniform(np.log(min_hz), np.log(max_hz)))
    else:
        cutoff = rng.uniform(min_hz, max_hz)
    cutoff = int(round(cutoff / 100) * 100)
    family = FAMILIES[rng.integers(len(FAMILIES))]
    order = int(rng.integers(2, 11))
    return low_pass(wav, sample_rate, cutoff, family, order), cutoff
