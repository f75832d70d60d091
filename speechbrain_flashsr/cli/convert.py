"""The command `flashsr convert`: published checkpoints in, a model folder out.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import functools
from pathlib import Path


def make_parser():
    """Describes the arguments.

    Example
    -------
    >>> parser = make_parser()
    >>> parser.parse_args(["--audiosr", "a.bin", "--out", "teacher"]).half
    False
    """
    parser = argparse.ArgumentParser(
        prog="flashsr convert",
        usage="%(prog)s --student-ldm FILE --sr-vocoder FILE --vae FILE "
        "--out DIR [--half]\n"
        "       %(prog)s --audiosr FILE [--sr-vocoder FILE] --out DIR "
        "[--half]",
        description="Converts the published checkpoints of FlashSR, or "
        "AudioSR's, to a folder for `flashsr --source DIR`. The files are "
        "checked to the last weight, and no code in them is run.",
    )
    add = functools.partial(parser.add_argument, metavar="FILE", type=Path)
    add("--student-ldm", help="student_ldm.pth")
    add("--sr-vocoder", help="sr_vocoder.pth")
    add("--vae", help="vae.pth")
    add(
        "--audiosr",
        help="AudioSR's checkpoint: the teacher of FlashSR; it needs many "
        "steps and, to super-resolve, FlashSR's --sr-vocoder",
    )
    add(
        "--out",
        metavar="DIR",
        required=True,
        help="folder to write, which must be empty or not be there",
    )
    parser.add_argument(
        "--half",
        action="store_true",
        help="store half precision: half of the space",
    )
    return parser


def run(arguments):
    """Converts as the arguments say; returns 0. Raises a ValueError if options
    are missing or exclude each other, or a checkpoint is not valid, an OSError
    if the folder cannot be written."""
    files = {
        "--student-ldm": arguments.student_ldm,
        "--sr-vocoder": arguments.sr_vocoder,
        "--vae": arguments.vae,
    }
    missing = [option for option, path in files.items() if path is None]
    if arguments.audiosr and not {"--student-ldm", "--vae"} <= set(missing):
        raise ValueError(
            "--audiosr goes with --sr-vocoder alone: AudioSR's file holds "
            "the other networks. Leave out --student-ldm and --vae."
        )
    if missing and not arguments.audiosr:
        raise ValueError(
            f"{' and '.join(missing)} missing. Pass all three checkpoints of "
            "FlashSR, or AudioSR's with --audiosr."
        )
    # PyTorch is imported once the arguments are known to be valid.
    from speechbrain_flashsr.checkpoints import external

    if arguments.audiosr:
        folder = external.convert_audiosr(
            arguments.audiosr,
            arguments.out,
            arguments.sr_vocoder,
            arguments.half,
        )
    else:
        folder = external.convert_flashsr(
            *files.values(), arguments.out, arguments.half
        )
    use = f"try: flashsr --source {folder} recording.wav"
    if "--sr-vocoder" in missing:
        use = (
            "a teacher: pass its unet.safetensors and "
            "autoencoder.safetensors to train_student.py"
        )
    print(f"{folder}: {use}")
    return 0
