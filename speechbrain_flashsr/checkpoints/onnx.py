"""Writes a model for ONNX Runtime, which runs it without PyTorch.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.audio.writing import complete_file
from speechbrain_flashsr.lobes.fast.preparation import fold_weight_norm

OPSET = 18
"""The set of operators that PyTorch's exporter writes without a conversion."""

INPUTS = ("low", "noise", "cutoff_hz", "excitation")
"""Names of the inputs, as of the model's arguments."""

OUTPUT = "high"


def export_onnx(super_resolver, path, window_length):
    """Writes a model that restores one window of `window_length` samples,
    complete or not at all.

    The inputs are the band-limited waveform at 48 kHz, normalised, `low` [1,
    time], standard normal `noise` [1, channels, frames / 8, bands / 8], the
    cut-off `cutoff_hz` [1], and white noise `excitation` [1, time]; the output
    is the waveform `high` [1, time].

    Takes a
    :class:`~speechbrain_flashsr.lobes.super_resolver.LatentSuperResolver` in
    evaluation mode and single precision, whose weight normalisations are then
    folded. Raises a ValueError if packages are missing or the length does not
    fit, an AudioError if the file cannot be written."""
    try:
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ValueError(
            "ONNX files need the packages onnx and onnxscript. Install them: "
            "pip install 'speechbrain_flashsr[onnx]'"
        ) from error
    fold_weight_norm(super_resolver)
    low = torch.zeros(1, window_length)
    noise = torch.zeros(1, *super_resolver.latent_shape(window_length))
    example = low, noise, torch.tensor([4000.0]), torch.zeros_like(low)
    with complete_file(path) as temporary:
        program = torch.onnx.export(
            super_resolver,
            example,
            input_names=INPUTS,
            output_names=[OUTPUT],
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        program.save(temporary)
