"""What happens to recordings before systems restore them.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io

import numpy as np
import scipy.signal
import soundfile

from speechbrain_flashsr.degradation import FAMILIES, low_pass
from speechbrain_flashsr.metrics import SAMPLE_RATE

TELEPHONE_RATE = 8000
TELEPHONE_BAND = (300, 3400)

CODECS = {
    "g711": {"format": "WAV", "subtype": "ULAW"},
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
}
"""How libsndfile writes them."""

DEGRADATIONS = FAMILIES + tuple(CODECS)


def conditions(hparams):
    """The cut-offs to evaluate at, in Hz.

    Those of `cutoffs`; G.711 has one of its own, and so has a folder of
    low-resolution files.

    Raises
    ------
    ValueError
        If the degradation is unknown or `cutoffs` do not fit.
    """
    if hparams["degradation"] not in DEGRADATIONS:
        raise ValueError(
            f"There is no degradation '{hparams['degradation']}': give one of "
            f"{', '.join(DEGRADATIONS)}."
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

    Filters and codecs leave it at a sample rate of twice the cut-off, from
    which it is brought back. G.711 is mu-law at 8 kHz behind a filter for
    300 to 3400 Hz, whatever the cut-off; MP3 and Ogg Vorbis are libsndfile's at
    medium quality, and may cut somewhat lower than at half the rate.

    Arguments
    ---------
    wav : numpy.ndarray
        [time] at 48 kHz.
    kind : str
        One of `DEGRADATIONS`.
    cutoff_hz : float
        In Hz.
    order : int
        Of the filter.

    Returns
    -------
    numpy.ndarray
        [time] at 48 kHz, of the same length and without delay.
    """
    if kind in FAMILIES:
        return low_pass(wav, SAMPLE_RATE, cutoff_hz, kind, order)
    rate = int(2 * cutoff_hz)
    if kind == "g711":
        rate = TELEPHONE_RATE
        sos = scipy.signal.butter(
            4, TELEPHONE_BAND, "bandpass", fs=SAMPLE_RATE, output="sos"
        )
        padding = min(len(wav) - 1, SAMPLE_RATE // 100)
        wav = scipy.signal.sosfiltfilt(sos, wav, padlen=padding)
    down = scipy.signal.resample_poly(wav, rate, SAMPLE_RATE)
    coded = code(down, rate, **CODECS[kind])
    up = scipy.signal.resample_poly(coded, SAMPLE_RATE, rate)
    return np.pad(up, (0, max(0, len(wav) - len(up))))[: len(wav)]


def code(wav, sample_rate, format, subtype):
    """Codes and decodes [time]."""
    buffer = io.BytesIO()
    try:
        soundfile.write(buffer, wav, sample_rate, subtype, format=format)
    except (soundfile.LibsndfileError, ValueError) as error:
        raise ValueError(
            f"{format} cannot hold sound at {sample_rate} Hz ({error}): give "
            f"other cutoffs."
        )
    buffer.seek(0)
    decoded, _ = soundfile.read(buffer)
    return np.pad(decoded, (0, max(0, len(wav) - len(decoded))))[: len(wav)]
