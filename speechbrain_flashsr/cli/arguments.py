"""Arguments of the command `flashsr`.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import functools
from pathlib import Path

from speechbrain_flashsr import SHIPPED_MODEL, __version__
from speechbrain_flashsr.audio.formats import OUTPUT_FORMATS

FORMATS = tuple(extension[1:] for extension in OUTPUT_FORMATS)
"""Formats that are written."""


def suffix(rate=None):
    """Added to the name of an input: the output's sample rate.

    Example
    -------
    >>> suffix(), suffix(44100)
    ('_48k', '_44k')
    """
    return f"_{(rate or 48000) // 1000}k"


def make_parser():
    """Describes the arguments.

    Example
    -------
    >>> make_parser().parse_args(["call.wav"]).num_steps is None
    True
    """
    parser = argparse.ArgumentParser(
        prog="flashsr",
        description="Restores the high band of recordings of speech, music "
        "and sound effects. Any rate from 4 kHz, any length and number of "
        "channels goes in; 48 kHz comes out.",
        epilog="Folders resume: files finished with the same settings are "
        "skipped. Several processes share the files: `torchrun "
        "--nproc-per-node 4 -m speechbrain_flashsr.cli TREE -o OUT`. `flashsr "
        "app` serves a page to look and listen at, `flashsr convert` converts "
        "published checkpoints, `flashsr export` writes a model for ONNX "
        "Runtime: each has a --help.",
    )
    add = parser.add_argument
    flag = functools.partial(add, action="store_true")

    def number(name, unit, help, type=float, **options):
        add(name, metavar=unit, type=type, help=help, **options)

    add("--version", action="version", version=f"%(prog)s {__version__}")
    add(
        "inputs",
        metavar="INPUT",
        nargs="+",
        type=Path,
        help="sound file, film, folder that is searched for them, or - for "
        "the standard input",
    )
    add(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        help="name of the output of a single file (.wav, .flac, .ogg or "
        ".opus), - for the standard output, or a folder, in which the tree of "
        "an input folder is repeated; default: NAME_48k.EXT beside each input",
    )
    flag(
        "--overwrite", help="process all files of a folder, also finished ones"
    )
    add("--format", choices=FORMATS, help="default: the input's, else wav")
    add(
        "--subtype",
        help="sample format, such as PCM_16, PCM_24 or FLOAT; default: the "
        "bit depth of the input",
    )
    number(
        "--rate",
        "HZ",
        "sample rate of the output: 44100, 48000 (default) or 96000",
        int,
    )
    number(
        "--headroom",
        "DB",
        "lower the recording, if need be, so that its peaks stay DB below "
        "full scale; default: keep its level and count clipped samples",
    )
    flag(
        "--accept-truncated",
        help="restore the intact part of truncated or damaged files",
    )
    add(
        "--raw",
        metavar="FORMAT:RATE[:CHANNELS]",
        help="the inputs have no header, for example ulaw:8000 or "
        "s16le:16000:2",
    )
    number("--cutoff", "HZ", "where the input's band ends; default: detected")
    add("--seed", type=int, default=0, help="of the noise (default: 0)")
    number(
        "--steps",
        "N",
        "diffusion steps (default: the model's; 1 for the model that ships)",
        int,
        dest="num_steps",
    )
    number(
        "--guidance",
        "S",
        "classifier-free guidance (default: the model's)",
        dest="guidance_scale",
    )
    add(
        "--low-band",
        choices=("input", "model"),
        default="input",
        help="input (default) keeps the input below the cut-off; model "
        "returns the raw output of the model at all frequencies",
    )
    number(
        "--strength",
        "DB",
        "by how much the restored band is raised (default: 0)",
        default=0.0,
    )
    flag("--loop", help="the input is a loop: its end goes on with its start")
    add_model_options(parser)
    flag(
        "--plot",
        help="draw spectrograms before and after as a PNG beside the output",
    )
    flag("--quiet", help="only warn and report errors")
    return parser


def add_model_options(parser):
    """Adds the options of the model and of how it runs to a parser."""
    add_source_options(parser)
    add = parser.add_argument
    add("--device", help="such as cpu or cuda:0 (default: a GPU if present)")
    add(
        "--precision",
        choices=("auto", "fp32", "bf16", "fp16"),
        default="auto",
        help="auto (default) is bf16 on CPUs with AMX-BF16 or AVX512-BF16 and "
        "on GPUs that support it, otherwise fp32; fp16 needs a GPU",
    )
    add(
        "--batch-windows",
        metavar="N",
        type=int,
        help="windows per batch (default: 1 on a CPU, 8 on a GPU)",
    )


def add_source_options(parser):
    """Adds the options of the model alone to a parser."""
    parser.add_argument(
        "--source",
        metavar="MODEL",
        default=SHIPPED_MODEL,
        help="folder or hub name of a model (default: the one that ships)",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="load a model whose folder names code of its own, and run that",
    )
