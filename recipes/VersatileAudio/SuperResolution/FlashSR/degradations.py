"""Takes the high band of recordings away before systems restore it.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
import torchaudio

from speechbrain_flashsr.audio.codecs import TELEPHONE_BAND, code_at, telephone
from speechbrain_flashsr.data.degradations import FAMILIES, low_pass
from speechbrain_flashsr.metrics.spectral import SAMPLE_RATE

RESAMPLER = "torchaudio"

NAMES = {
    "cheby1": "a Chebyshev low-pass of order {order}",
    "butter": "a Butterworth low-pass of order {order}",
    "bessel": "a Bessel low-pass of order {order}",
    "ellip": "an elliptic low-pass of order {order}",
    RESAMPLER: "resampling to twice the cut-off with torchaudio's defaults",
    "g711": "telephone coding (G.711 mu-law, 300 to 3400 Hz)",
    "mp3": "MP3 coding at twice the cut-off",
    "ogg": "Ogg Vorbis coding at twice the cut-off",
    "opus": "Opus coding at twice the cut-off",
}
"""What took the high band away, in words."""


def conditions(hparams):
    """The cut-offs to evaluate at, in Hz.

    Those of `cutoffs`; G.711 has one of its own, and so has a folder of
    low-resolution files.

    Raises
    ------
    ValueError
        If the degradation is unknown or `cutoffs` do not fit.
    """
    if hparams["degradation"] not in NAMES:
        raise ValueError(
            f"There is no degradation '{hparams['degradation']}': give one of "
            f"{', '.join(NAMES)}."
        )
    cutoffs = hparams["cutoffs"]
    if hparams["low_folder"] and len(cutoffs) != 1:
        raise ValueError(
            f"The files in low_folder have one cut-off, but cutoffs are "
            f"{cutoffs}: give for example --cutoffs=[4000]."
        )
    if hparams["degradation"] == "g711" and not hparams["low_folder"]:
        return [TELEPHONE_BAND[1]]
    return list(cutoffs)


def degrade(wav, kind, cutoff_hz, order=8):
    """Takes a recording's high band away.

    Filters, the resampler and codecs leave it at a sample rate of twice the
    cut-off, from which it is brought back. G.711 is mu-law at 8 kHz behind a
    filter for 300 to 3400 Hz, whatever the cut-off; MP3, Ogg Vorbis and Opus are
    libsndfile's at medium quality, and may cut somewhat lower than at half the
    rate.

    Arguments
    ---------
    wav : numpy.ndarray
        [time] at 48 kHz.
    kind : str
        One of `NAMES`.
    cutoff_hz : float
        In Hz.
    order : int
        Of the filter.

    Returns
    -------
    numpy.ndarray
        [time] at 48 kHz, of the same length and without delay.

    Raises
    ------
    ValueError
        If a codec has no such sample rate.
    """
    rate = int(2 * cutoff_hz)
    if kind in FAMILIES:
        return low_pass(wav, SAMPLE_RATE, cutoff_hz, kind, order)
    if kind == RESAMPLER:
        resample = torchaudio.functional.resample
        low = resample(torch.from_numpy(wav), SAMPLE_RATE, rate)
        return resample(low, rate, SAMPLE_RATE).numpy()[: len(wav)]
    if kind == "g711":
        return telephone(wav)
    return code_at(wav, rate, kind)
