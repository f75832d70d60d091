"""Names of the networks' weights in the published checkpoints.

FlashSR's checkpoints (https://arxiv.org/abs/2501.10807) and AudioSR's
(https://arxiv.org/abs/2309.07314) hold the same networks as
:mod:`speechbrain_flashsr.lobes`, but name their weights after the packages
that their authors built on.

Authors
 * The speechbrain_flashsr developers 2026
"""

import itertools

from torch.nn.utils import parametrize

from speechbrain_flashsr.lobes import (
    autoencoder,
    autoencoder_blocks,
    unet,
    vocoder,
)
from speechbrain_flashsr.lobes.activations import AliasFree


def published_keys(module):
    """Names that a network's weights have in the published checkpoints.

    Arguments
    ---------
    module : LatentUNet or Autoencoder or SRVocoder
        The network; it may be on the meta device.

    Returns
    -------
    dict
        {published name: name in `module.state_dict()`}, of all that is
        published: the autoencoder's `scale` is not.

    Example
    -------
    >>> keys = published_keys(
    ...     autoencoder.Autoencoder(4, (1, 2), 1, 1, groups=2)
    ... )
    >>> keys["decoder.up.0.block.0.nin_shortcut.weight"]
    'decoder.levels.2.skip.weight'
    """
    return {
        _published_key(module, key): key
        for key in module.state_dict()
        if key != "scale"
    }


def _published_key(module, key):
    """Translates a name from the outermost module inwards."""
    own, published = next(
        (
            pair
            for pair in _names_in(module).items()
            if f"{key}.".startswith(f"{pair[0]}.")
        ),
        (key.split(".")[0],) * 2,
    )
    if key == own:
        return published
    inner = _published_key(module.get_submodule(own), key[len(own) + 1 :])
    return f"{published}.{inner}"


def _names_in(module):
    """{own name: published name} where a module uses other names."""
    if parametrize.is_parametrized(module, "weight"):
        return {
            "parametrizations.weight.original0": "weight_g",
            "parametrizations.weight.original1": "weight_v",
        }
    names = _NAMES.get(type(module), {})
    return names(module) if callable(names) else names


def _unet_names(network):
    stages = {
        f"down.{i}": f"input_blocks.{i + 1}" for i in range(len(network.down))
    }
    return {
        **stages,
        "time_mlp": "time_embed",
        "conv_in": "input_blocks.0.0",
        "middle": "middle_block",
        "up": "output_blocks",
        "norm_out": "out.0",
        "conv_out": "out.2",
    }


_MIDDLE = {
    "middle.0": "mid.block_1",
    "middle.1": "mid.attn_1",
    "middle.2": "mid.block_2",
}


def _encoder_names(encoder):
    names = dict(_MIDDLE)
    level = block = 0
    for i, layer in enumerate(encoder.levels):
        if isinstance(layer, autoencoder_blocks.Downsample):
            names[f"levels.{i}"] = f"down.{level}.downsample"
            level, block = level + 1, 0
        else:
            names[f"levels.{i}"] = f"down.{level}.block.{block}"
            block += 1
    return names


def _decoder_names(decoder):
    names = dict(_MIDDLE)
    level = sum(
        isinstance(m, autoencoder_blocks.Upsample) for m in decoder.levels
    )
    block = 0
    for i, layer in enumerate(decoder.levels):
        if isinstance(layer, autoencoder_blocks.Upsample):
            names[f"levels.{i}"] = f"up.{level}.upsample"
            level, block = level - 1, 0
        else:
            names[f"levels.{i}"] = f"up.{level}.block.{block}"
            block += 1
    return names


def _vocoder_names(network):
    names = {
        "conv_in": "conv_pre",
        "waveform_branch.conv_in": "audio_block.emb",
        "activation_out": "activation_post",
        "conv_out": "conv_post",
    }
    for i in range(len(network.waveform_branch.downsamples)):
        own = f"waveform_branch.downsamples.{i}"
        names[own] = f"audio_block.downsamples.{i}.0"
    for i in range(len(network.upsamples)):
        names[f"upsamples.{i}"] = f"ups.{i}.0"
    number = itertools.count()
    for i, stage in enumerate(network.stages):
        for j in range(len(stage)):
            names[f"stages.{i}.{j}"] = f"resblocks.{next(number)}"
    return names


def _amp_block_names(block):
    names = {}
    for i in range(len(block.layers)):
        names[f"layers.{i}.0"] = f"activations.{2 * i}"
        names[f"layers.{i}.1"] = f"convs1.{i}"
        names[f"layers.{i}.2"] = f"activations.{2 * i + 1}"
        names[f"layers.{i}.3"] = f"convs2.{i}"
    return names


_NAMES = {
    unet.LatentUNet: _unet_names,
    unet.TimeResidualBlock: {
        "norm1": "in_layers.0",
        "conv1": "in_layers.2",
        "time": "emb_layers.1",
        "norm2": "out_layers.0",
        "conv2": "out_layers.3",
        "skip": "skip_connection",
    },
    unet.SpatialTransformer: {
        "conv_in": "proj_in",
        "norm1": "transformer_blocks.0.norm1",
        "attention1": "transformer_blocks.0.attn1",
        "norm2": "transformer_blocks.0.norm2",
        "attention2": "transformer_blocks.0.attn2",
        "norm3": "transformer_blocks.0.norm3",
        "feed_forward": "transformer_blocks.0.ff",
        "conv_out": "proj_out",
    },
    unet.SelfAttention: {
        "query": "to_q",
        "key": "to_k",
        "value": "to_v",
        "output": "to_out.0",
    },
    unet.FeedForward: {"value_and_gate": "net.0.proj", "output": "net.2"},
    unet.Downsample: {"weight": "op.weight", "bias": "op.bias"},
    unet.Upsample: {"weight": "conv.weight", "bias": "conv.bias"},
    autoencoder.Encoder: _encoder_names,
    autoencoder.Decoder: _decoder_names,
    autoencoder_blocks.ResidualBlock: {"skip": "nin_shortcut"},
    autoencoder_blocks.SpatialAttention: {
        "query": "q",
        "key": "k",
        "value": "v",
        "output": "proj_out",
    },
    vocoder.SRVocoder: _vocoder_names,
    vocoder.AMPBlock: _amp_block_names,
    AliasFree: {"activation": "act"},
}
