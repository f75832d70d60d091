"""Formats of sound files that are written: file type and sample format.

Authors
 * The speechbrain_flashsr developers 2026
"""

from pathlib import Path

import soundfile

from speechbrain_flashsr.audio.checks import AudioError

OUTPUT_FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".opus": "OGG"}
"""Formats that are written, by file extension."""

OUTPUT_RATES = (44100, 48000, 96000)
"""Sample rates of outputs, in Hz."""

# Sub-types whose bit depth is kept; companded and lossy ones (telephone codes,
# MP3, ...) become 16 bit.
_DEPTHS = ("PCM_U8", "PCM_S8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")

# Replacements of sub-types that a format lacks.
_SUBSTITUTES = {
    "WAV": {"PCM_S8": "PCM_U8"},
    "FLAC": {
        "PCM_U8": "PCM_S8",
        "PCM_32": "PCM_24",
        "FLOAT": "PCM_24",
        "DOUBLE": "PCM_24",
    },
    "OGG": dict.fromkeys(_DEPTHS, "VORBIS"),
}


def output_format(path, source_subtype="PCM_16", subtype=None):
    """Decides how an output file is written: libsndfile's names of the format,
    by the extension of `path`, and of the sample format.

    The sample format is `subtype` if there is one, otherwise that of the input,
    if the format can hold it. Raises an AudioError if the extension is another
    one, or the format cannot hold `subtype`.

    Example
    -------
    >>> output_format("speech.wav", "PCM_24")
    ('WAV', 'PCM_24')
    >>> output_format("call.flac", "ULAW")
    ('FLAC', 'PCM_16')
    """
    extension = Path(path).suffix.lower()
    if extension not in OUTPUT_FORMATS:
        raise AudioError(
            f"'{path}' cannot be written: its extension is '{extension}'. "
            f"Name it with one of {', '.join(OUTPUT_FORMATS)}."
        )
    format = OUTPUT_FORMATS[extension]
    if extension == ".opus":
        subtype = subtype or "OPUS"
    if subtype is None:
        depth = source_subtype if source_subtype in _DEPTHS else "PCM_16"
        return format, _SUBSTITUTES[format].get(depth, depth)
    subtype = subtype.upper()
    known = soundfile.available_subtypes(format)
    if subtype not in known:
        raise AudioError(
            f"{format} cannot hold samples of type '{subtype}'. Choose one "
            f"of {', '.join(known)}."
        )
    return format, subtype


def check_output_rate(rate):
    """Returns a rate in Hz; raises an AudioError if it is not in
    `OUTPUT_RATES`."""
    if rate not in OUTPUT_RATES:
        raise AudioError(
            f"The output's rate is {rate!r}. Choose one of "
            f"{', '.join(map(str, OUTPUT_RATES))} Hz."
        )
    return rate
