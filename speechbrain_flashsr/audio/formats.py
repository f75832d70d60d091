"""The sound files that can be read, the library that reads each, and the
formats that are written.

The content of a file decides, not its name. libsndfile reads uncompressed
files, FLAC and plain Ogg streams: these formats declare their length, and
libsndfile reads them to the last sample. FFmpeg reads the other formats on a
list. Formats that are not on it include playlists, which would make FFmpeg open
other files.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import re
from contextlib import suppress
from pathlib import Path

import soundfile

from speechbrain_flashsr.audio.checks import AudioError

EXTENSIONS = tuple(
    (
        ".wav .wave .bwf .rf64 .w64 .aif .aiff .aifc .caf .au .snd .flac .ogg "
        ".oga .ogv .ogm .ogx .opus .spx .mp3 .mp2 .mp1 .mpa .mpga .m2a .m4a "
        ".m4b .m4r .aac .mp4 .m4v .mov .qt .f4v .f4a .3gp .3gpp .3g2 .3gpp2 "
        ".mkv .mka .webm .weba .avi .divx .flv .mpg .mpeg .mpe .vob .ts .mts "
        ".m2ts .m2t .wma .wmv .asf .amr .awb .ac3 .eac3 .ec3 .dts .thd .ape .wv "
        ".tta .tak .shn .mpc .gsm .sph .nist .voc .ra .rm .rmvb .dsf"
    ).split()
)
"""Extensions of the sound files in a folder."""

_ALSO_TEXT = (".ts", ".mts")
"""Extensions of films and of programs in TypeScript."""

FFMPEG_FORMATS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,eac3,"
    "flac,flv,gsm,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,"
    "nistsphere,ogg,rm,shn,tak,truehd,tta,voc,w64,wav,wv"
)
"""FFmpeg's names of the formats that it may decode, as FFmpeg takes them."""

W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"

# The first bytes of the formats that libsndfile reads.
_LIBSNDFILE = re.compile(
    rb"(?s:(RIFF|RF64)....WAVE|FORM....AIF[FC]|fLaC|caff|\.snd)|"
    + re.escape(W64)
)

# Sample formats that libsndfile decodes and FFmpeg's names of them.
_SUBTYPES = {
    "pcm_u8": "PCM_U8",
    "pcm_s8": "PCM_S8",
    "pcm_s16": "PCM_16",
    "pcm_s24": "PCM_24",
    "pcm_s32": "PCM_32",
    "pcm_f32": "FLOAT",
    "pcm_f64": "DOUBLE",
    "pcm_mulaw": "ULAW",
    "pcm_alaw": "ALAW",
}

LIBSNDFILE_SUBTYPES = (*_SUBTYPES.values(), "VORBIS", "OPUS")
"""libsndfile's names of the sample formats that it reads here."""

OGG_ORDER = {
    3: (0, 2, 1),
    5: (0, 2, 1, 3, 4),
    6: (0, 2, 1, 4, 5, 3),
    7: (0, 2, 1, 5, 6, 4, 3),
    8: (0, 2, 1, 6, 7, 4, 5, 3),
}
"""Order of the channels in Ogg, by their number (Vorbis I
specification, 4.3.9): the centre comes second, the low frequencies last."""

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


def is_for_libsndfile(head):
    """Whether a file with these first 16 bytes, or more, is of a format that
    libsndfile reads whole.

    Example
    -------
    >>> is_for_libsndfile(b"fLaC" + bytes(12))
    True
    >>> is_for_libsndfile(b"FORM    8SVXVHDR")
    False
    """
    return _LIBSNDFILE.match(head) is not None


def subtype_of(codec, lossless, sample_format):
    """libsndfile's name for the sample format of a file that FFmpeg decodes, by
    FFmpeg's names of the codec and of the decoded samples; the codec's name if
    it is lossy.

    Example
    -------
    >>> subtype_of("pcm_s24be", True, "s32"), subtype_of("alac", True, "s16p")
    ('PCM_24', 'PCM_16')
    >>> subtype_of("mp3float", False, "fltp")
    'MP3'
    """
    for prefix, subtype in _SUBTYPES.items():
        if codec.startswith(prefix):
            return subtype
    depths = {"u8": "PCM_U8", "s16": "PCM_16", "s32": "PCM_24"}
    if lossless and sample_format.removesuffix("p") in depths:
        return depths[sample_format.removesuffix("p")]
    return codec.removesuffix("float").removeprefix("lib").upper()


def find_sound_files(folder, on_error=None):
    """Finds the sound files in a folder and those below it, sorted, without
    hidden files and folders, linked folders, and programs in TypeScript.

    `on_error` is called with the OSError of each folder that cannot be listed;
    by default, the first of them is raised.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("b.wav", "a.txt", ".c.wav", "d.ts"):
    ...     (folder / name).touch()
    >>> [path.name for path in find_sound_files(folder)]
    ['b.wav']
    """
    paths = []
    for parent, folders, names in os.walk(folder, onerror=on_error or _fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(parent, n) for n in names if not n.startswith(".")]
    return sorted(
        path
        for path in paths
        if path.suffix.lower() in EXTENSIONS
        and path.is_file()
        and not (path.suffix.lower() in _ALSO_TEXT and _is_text(path))
    )


def _fail(error):
    raise error


def _is_text(path):
    """Whether a file has no zero near its start, which films have."""
    with suppress(OSError), open(path, "rb") as file:
        return b"\0" not in file.read(4096)
    return False


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
    known = [
        name
        for name in soundfile.available_subtypes(format)
        if name in LIBSNDFILE_SUBTYPES  # others fill up their last block
    ]
    subtype = str(subtype).upper()
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
    return int(rate)
