"""Brings models to the form in which they run fastest.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from torch import nn
from torch.nn.utils import parametrize

from speechbrain_flashsr.lobes.activations import AliasFree
from speechbrain_flashsr.lobes.convolutions import (
    PreciseConv1d,
    PreciseConv2d,
    UpsamplingConv2d,
)
from speechbrain_flashsr.lobes.fast.activations import FastAliasFree
from speechbrain_flashsr.lobes.fast.attention import FastSelfAttention
from speechbrain_flashsr.lobes.fast.convolutions import (
    FastConv1d,
    FastConvTranspose1d,
    FastPreciseConv1d,
    FastPreciseConv2d,
    FastUpsamplingConv2d,
)
from speechbrain_flashsr.lobes.fast.features import FastLogMel
from speechbrain_flashsr.lobes.fast.packing import (
    Packed,
    PackedConv2d,
    PackedLinear,
)
from speechbrain_flashsr.lobes.fast.spectral_vocoder import (
    FastConvNeXtBlock,
    FastShortTimeSpectrum,
    FastSpectralVocoder,
)
from speechbrain_flashsr.lobes.features import LogMel
from speechbrain_flashsr.lobes.spectral_vocoder import (
    ConvNeXtBlock,
    SpectralVocoder,
)
from speechbrain_flashsr.lobes.spectrum import ShortTimeSpectrum
from speechbrain_flashsr.lobes.unet import Downsample, SelfAttention, Upsample

FAST_FORMS = {
    LogMel: FastLogMel,
    AliasFree: FastAliasFree,
    UpsamplingConv2d: FastUpsamplingConv2d,
    Upsample: FastUpsamplingConv2d,
    SpectralVocoder: FastSpectralVocoder,
    ConvNeXtBlock: FastConvNeXtBlock,
    ShortTimeSpectrum: FastShortTimeSpectrum,
    SelfAttention: FastSelfAttention,
    PreciseConv1d: FastPreciseConv1d,
    PreciseConv2d: FastPreciseConv2d,
    nn.Conv1d: FastConv1d,
    nn.Conv2d: PackedConv2d,
    nn.Linear: PackedLinear,
    Downsample: FastPreciseConv2d,
    nn.ConvTranspose1d: FastConvTranspose1d,
}
"""Fast form of each class; both have the same weights and buffers."""

LARGEST_SMALL = 2**25
"""Parameters of a small model."""


def is_small(model):
    """Whether a model is small, so that memory is spent to save time: its
    weights are kept a second time in the order that kernels want, and freed
    memory is kept. Convolutions of larger ones take longer than such work, and
    their tensors would leave gaps of gigabytes.

    Example
    -------
    >>> is_small(nn.Linear(1000, 1000))
    True
    """
    return sum(p.numel() for p in model.parameters()) <= LARGEST_SMALL


def use_fast_forms(model):
    """Replaces modules by their fast forms, in place, without a change of
    values or of the state dictionary.

    Example
    -------
    >>> model = nn.Sequential(UpsamplingConv2d(2, 3))
    >>> use_fast_forms(model)
    >>> type(model[0]).__name__
    'FastUpsamplingConv2d'
    """
    for module in model.modules():
        fast = FAST_FORMS.get(type(module))
        # Fast convolutions know zeros beyond the ends, of a given number.
        zeros = getattr(module, "padding_mode", "zeros") == "zeros"
        if (
            fast
            and zeros
            and not isinstance(getattr(module, "padding", 0), str)
        ):
            module.__class__ = fast


def fold_weight_norm(model):
    """Replaces every weight-normalised weight by its value, in place; the
    weights can then no longer be trained, nor loaded from an unfolded state.

    Example
    -------
    >>> from torch.nn.utils.parametrizations import weight_norm
    >>> conv = weight_norm(nn.Conv1d(2, 3, 1))
    >>> fold_weight_norm(conv)
    >>> sorted(conv.state_dict())
    ['bias', 'weight']
    """
    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
            # PyTorch leaves a function that loads states of its older weight
            # normalisation; with it the module could not be pickled.
            hooks = module._load_state_dict_pre_hooks
            for key, hook in list(hooks.items()):
                if getattr(hook, "__name__", "") == "_weight_norm_compat_hook":
                    del hooks[key]


def prepare_for_inference(model, dtype=torch.float32):
    """Brings the weights of a model to the form in which it runs fastest, in
    place; it is not to be trained afterwards, and refuses other weights.

    Folds weight normalisations, puts fast forms of modules in place, lays the
    weights of convolutions out as channels-last, in which oneDNN and cuDNN want
    them, and casts those of convolutions and linear layers to `dtype`. The rest
    stays in single precision: run the model in a `torch.autocast` region.

    Example
    -------
    >>> model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.GroupNorm(1, 3))
    >>> prepare_for_inference(model, torch.bfloat16)
    >>> model[0].weight.dtype, model[1].weight.dtype
    (torch.bfloat16, torch.float32)
    """
    fold_weight_norm(model)
    use_fast_forms(model)
    for module in model.modules():
        if isinstance(module, FastConvNeXtBlock):
            module.fold()
    flat = (nn.Conv1d, nn.ConvTranspose1d)
    for module in model.modules():
        if not isinstance(module, (*flat, nn.Conv2d, nn.Linear)):
            continue
        if not isinstance(module, PreciseConv1d | PreciseConv2d):
            module.to(dtype)
        weight = module.weight.data
        if isinstance(module, nn.Conv2d):
            weight = weight.contiguous(memory_format=torch.channels_last)
        elif isinstance(module, flat):
            weight = weight.transpose(1, 2).contiguous().transpose(1, 2)
        module.weight.data = weight
    small = is_small(model)
    for module in model.modules():
        if isinstance(module, FastUpsamplingConv2d):
            module.prepare(dtype, keep=small)
        elif hasattr(module, "prepare"):
            module.prepare()
        if small and isinstance(module, Packed):
            module.pack()
        module.register_load_state_dict_pre_hook(_refuse_weights)


def _refuse_weights(module, state_dict, prefix, *_):
    """Raises a RuntimeError: the prepared forms of the weights would stay."""
    raise RuntimeError(
        f"Weights cannot be loaded into {prefix[:-1] or 'a model'} once it is "
        "prepared for inference. Load them first, or load another model."
    )
