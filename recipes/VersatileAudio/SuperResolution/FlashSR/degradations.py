"""Removes the high band of recordings before systems restore it.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np

from speechbrain_flashsr.audio import SAMPLE_RATE
from speechbrain_flashsr.audio.codecs import (
    CODECS,
    TELEPHONE_BAND,
    code_at,
    telephone,
)
from speechbrain_flashsr.data.degradations import (
    DEFAULT_RESAMPLERS,
    FAMILIES,
    low_pass,
    resample_at,
)
from speechbrain_flashsr.data.resamplers import resample

NAMES = {
    "cheby1": "a Chebyshev low-pass of order {order}",
    "butter": "a Butterworth low-pass of order {order}",
    "bessel": "a Bessel low-pass of order {order}",
    "ellip": "an elliptic low-pass of order {order}",
    "torchaudio": "resampling to twice the cut-off by torchaudio",
    "soxr": "resampling to twice the cut-off by soxr, as librosa and SoX do",
    "scipy": "resampling to twice the cut-off by SciPy",
    "ffmpeg": "resampling to twice the cut-off by FFmpeg",
    **{
        name: f"{codec.title} coding at twice the cut-off"
        for name, codec in CODECS.items()
    },
    "g711": "telephone coding (G.711 mu-law, 300 to 3400 Hz)",
}
"""Descriptions of the degradations."""


def conditions(hparams):
    """The cut-offs to evaluate at, in Hz: those of `cutoffs`; G.711 has one of
    its own, and so has a folder of low-resolution files. Raises a ValueError if
    the degradation is unknown or `cutoffs` do not fit, as where a codec refuses
    a rate of twice the cut-off."""
    if hparams["degradation"] not in NAMES:
        raise ValueError(
            f"Unknown degradation '{hparams['degradation']}'. Choose one of "
            f"{', '.join(NAMES)}."
        )
    cutoffs = hparams["cutoffs"]
    if hparams["low_folder"] and len(cutoffs) != 1:
        raise ValueError(
            f"The files in low_folder have one cut-off, but cutoffs are "
            f"{cutoffs}. Pass one, for example --cutoffs=[4000]."
        )
    if hparams["degradation"] == "g711" and not hparams["low_folder"]:
        return [TELEPHONE_BAND[1]]
    if hparams["degradation"] in CODECS and not hparams["low_folder"]:
        for cutoff_hz in cutoffs:
            degrade(np.zeros(SAMPLE_RATE), hparams["degradation"], cutoff_hz)
    return list(cutoffs)


def degrade(wav, kind, cutoff_hz, order=8):
    """Removes the high band of a recording, [time] at 48 kHz, by one of
    `NAMES`.

    Filters, resamplers and codecs leave it at a sample rate of twice the
    cut-off, from which it is brought back. G.711 is mu-law at 8 kHz behind a
    filter for 300 to 3400 Hz, whatever the cut-off; the other codecs are
    libsndfile's and FFmpeg's at medium quality, and may cut somewhat lower than
    at half the rate. `order` is that of the filter.

    Returns the recording at 48 kHz, of the same length and without delay, and
    then as it would be given to a system: at twice the cut-off behind a
    resampler, else at 48 kHz, and this rate. Raises a ValueError if a codec
    cannot code such a sample rate."""
    rate = int(2 * cutoff_hz)
    if kind in DEFAULT_RESAMPLERS:
        low = resample_at(wav, rate, kind)
        given = resample(wav, SAMPLE_RATE, rate, DEFAULT_RESAMPLERS[kind])
        return low, given, rate
    if kind in FAMILIES:
        low = low_pass(wav, SAMPLE_RATE, cutoff_hz, kind, order)
    elif kind == "g711":
        low = telephone(wav)
    else:
        low = code_at(wav, rate, kind)
    return low, low, SAMPLE_RATE
