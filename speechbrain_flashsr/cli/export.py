"""The command `flashsr export`: a model in, a file for another runtime out.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
from pathlib import Path

from speechbrain_flashsr.cli.messages import say


def make_parser():
    """Describes the arguments.

    Returns
    -------
    argparse.ArgumentParser

    Example
    -------
    >>> make_parser().parse_args(["--onnx", "flashsr.onnx"]).trust
    False
    """
    parser = argparse.ArgumentParser(
        prog="flashsr export",
        description="Writes a model for ONNX Runtime. The file restores one "
        "window at 48 kHz; examples/onnx_runtime.py runs it.",
    )
    add = parser.add_argument
    add("--onnx", metavar="FILE", type=Path, required=True, help="to write")
    add(
        "--source",
        metavar="MODEL",
        help="folder or hub name of a model (default: the one that ships)",
    )
    add(
        "--trust",
        action="store_true",
        help="load a model whose folder names code of its own, and run that",
    )
    return parser


def run(arguments):
    """Exports as the arguments say.

    Arguments
    ---------
    arguments : argparse.Namespace
        See :func:`make_parser`.

    Returns
    -------
    int
        0.

    Raises
    ------
    ValueError
        If the model is not valid, or packages are missing.
    OSError
        If the model is not there, or the file cannot be written.
    """
    from speechbrain_flashsr.checkpoints.onnx import export_onnx
    from speechbrain_flashsr.inference import FlashSR

    flashsr = FlashSR.from_hparams(
        **({"source": arguments.source} if arguments.source else {}),
        trust=arguments.trust,
        run_opts={"device": "cpu", "precision": "fp32"},
        freeze_params=False,
    )
    length = flashsr.window_length
    export_onnx(flashsr.mods.super_resolver.eval(), arguments.onnx, length)
    say(
        f"{arguments.onnx}: windows of {length} samples, "
        f"{length / flashsr.sample_rate:.2f} s at {flashsr.sample_rate} Hz"
    )
    return 0
