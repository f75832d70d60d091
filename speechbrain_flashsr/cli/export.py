"""The command `flashsr export`: a model in, a file for another runtime out.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
from pathlib import Path

from speechbrain_flashsr.cli.arguments import add_source_options
from speechbrain_flashsr.cli.messages import say


def make_parser():
    """Describes the arguments.

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
    parser.add_argument(
        "--onnx", metavar="FILE", type=Path, required=True, help="to write"
    )
    add_source_options(parser)
    return parser


def run(arguments):
    """Exports as the arguments say; returns 0. Raises a ValueError if the model
    is not valid or packages are missing, an OSError if the model is not there
    or the file cannot be written."""
    from speechbrain_flashsr.checkpoints.onnx import export_onnx
    from speechbrain_flashsr.inference import FlashSR

    flashsr = FlashSR.from_hparams(
        arguments.source,
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
