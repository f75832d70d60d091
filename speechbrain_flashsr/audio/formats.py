"""The sound files that can be read, and the library that reads each.

The content of a file decides, not its name. libsndfile reads uncompressed
files, FLAC and plain Ogg streams: these formats declare their length, and
libsndfile reads them to the last sample. FFmpeg reads the other formats on a
list. Formats that are not on it include playlists, which would make FFmpeg open
other files.

Authors
 * The speechbrain_flashsr developers 2026
"""

from contextlib import suppress

EXTENSIONS = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".aif", ".aiff", ".aifc"),
    *(".caf", ".au", ".snd", ".flac", ".ogg", ".oga", ".ogv", ".ogm", ".ogx"),
    *(".opus", ".spx", ".mp3", ".mp2", ".mp1", ".mpa", ".mpga", ".m2a"),
    *(".m4a", ".m4b", ".m4r", ".aac", ".mp4", ".m4v", ".mov", ".qt", ".f4v"),
    *(".f4a", ".3gp", ".3gpp", ".3g2", ".3gpp2", ".mkv", ".mka", ".webm"),
    *(".weba", ".avi", ".divx", ".flv", ".mpg", ".mpeg", ".mpe", ".vob"),
    *(".ts", ".mts", ".m2ts", ".m2t", ".wma", ".wmv", ".asf", ".amr", ".awb"),
    *(".ac3", ".eac3", ".ec3", ".dts", ".thd", ".ape", ".wv", ".tta", ".tak"),
    *(".shn", ".mpc", ".gsm", ".sph", ".nist", ".voc", ".ra", ".rm", ".rmvb"),
    ".dsf",
)
"""Extensions of the sound files in a folder."""

_ALSO_TEXT = (".ts", ".mts")
"""Extensions of films and of programs in TypeScript."""

FFMPEG_FORMATS = (
    *("aac", "ac3", "aiff", "amr", "amrnb", "amrwb", "ape", "asf", "au"),
    *("avi", "caf", "dsf", "dts", "eac3", "flac", "flv", "gsm", "loas"),
    *("matroska", "mov", "mp3", "mpc", "mpc8", "mpeg", "mpegts"),
    *("nistsphere", "ogg", "rm", "shn", "tak", "truehd", "tta", "voc", "w64"),
    *("wav", "wv"),
)
"""FFmpeg's names of the formats that it may decode."""

W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"

# Bytes at the start, and at byte 8, of the formats that libsndfile reads.
_LIBSNDFILE = (
    (b"RIFF", b"WAVE"),
    (b"RF64", b"WAVE"),
    (b"FORM", b"AIFF"),
    (b"FORM", b"AIFC"),
    (W64, b""),
    (b"fLaC", b""),
    (b"caff", b""),
    (b".snd", b""),
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
    return any(
        head.startswith(first) and head[8:12].startswith(second)
        for first, second in _LIBSNDFILE
    )


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


def find_sound_files(folder):
    """Finds the sound files in a folder and those below it, sorted, without
    hidden files and folders, and programs in TypeScript.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> for name in ("b.wav", "a.txt", ".c.wav", "d.ts"):
    ...     (folder / name).touch()
    >>> [path.name for path in find_sound_files(folder)]
    ['b.wav']
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in EXTENSIONS
        and not any(
            part.startswith(".") for part in path.relative_to(folder).parts
        )
        and path.is_file()
        and not (path.suffix.lower() in _ALSO_TEXT and _is_text(path))
    )


def _is_text(path):
    """Whether a file has no zero near its start, which films have."""
    with suppress(OSError), open(path, "rb") as file:
        return b"\0" not in file.read(4096)
    return False
