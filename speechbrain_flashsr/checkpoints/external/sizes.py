"""Sizes of networks from the shapes of published weights.

Authors
 * The speechbrain_flashsr developers 2026
"""

import itertools

GROUPS = 32
"""Groups of all normalisations; they cannot be read from a shape."""

HEAD_CHANNELS = 32
"""Channels of an attention head; they cannot be read from a shape."""


def unet_sizes(state):
    """Sizes of a published U-Net, from the shapes of its weights.

    Arguments
    ---------
    state : dict
        {published name: tensor}.

    Returns
    -------
    dict
        Arguments of :class:`~speechbrain_flashsr.lobes.unet.LatentUNet`.

    Raises
    ------
    LookupError
        If a weight that determines a size is missing or has too few axes.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.unet import LatentUNet
    >>> from speechbrain_flashsr.checkpoints.external.keys import published_keys
    >>> network = LatentUNet(4, 32, (1, 2), 1, (2,), 1)
    >>> state = network.state_dict()
    >>> keys = published_keys(network).items()
    >>> sizes = unet_sizes({published: state[own] for published, own in keys})
    >>> sizes["channel_mults"], sizes["attention_factors"]
    ([1, 2], [2])
    """
    channels = _width(state, "input_blocks.0.0")
    widths, transformers = [[]], [0]
    for i in itertools.count(1):
        block = f"input_blocks.{i}"
        if f"{block}.0.op.weight" in state:
            widths.append([])
            transformers.append(0)
        elif f"{block}.0.out_layers.3.weight" in state:
            widths[-1].append(_width(state, f"{block}.0.out_layers.3"))
            transformers[-1] = _count(state, f"{block}.{{}}.proj_in", start=1)
        else:
            break
    return {
        "latent_channels": _width(state, "out.2"),
        "channels": channels,
        "channel_mults": [level[0] // channels for level in widths],
        "num_blocks": len(widths[0]),
        "attention_factors": [
            2**level for level, count in enumerate(transformers) if count
        ],
        "num_transformers": max(transformers),
        "head_channels": HEAD_CHANNELS,
        "groups": GROUPS,
    }


def autoencoder_sizes(state):
    """Sizes of a published autoencoder; see :func:`unet_sizes`.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.autoencoder import Autoencoder
    >>> from speechbrain_flashsr.checkpoints.external.keys import published_keys
    >>> network = Autoencoder(32, (1, 2), 1, 2)
    >>> state = network.state_dict()
    >>> keys = published_keys(network).items()
    >>> autoencoder_sizes({published: state[own] for published, own in keys})
    {'channels': 32, 'channel_mults': [1, 2], 'encoder_blocks': 1,
     'decoder_blocks': 2, 'latent_channels': 16, 'groups': 32}
    """
    channels = _width(state, "encoder.conv_in")
    levels = _count(state, "encoder.down.{}.block.0.conv1")
    return {
        "channels": channels,
        "channel_mults": [
            _width(state, f"encoder.down.{level}.block.0.conv1") // channels
            for level in range(levels)
        ],
        "encoder_blocks": _count(state, "encoder.down.0.block.{}.conv1"),
        "decoder_blocks": _count(state, "decoder.up.0.block.{}.conv1"),
        "latent_channels": _width(state, "post_quant_conv"),
        "groups": GROUPS,
    }


def vocoder_sizes(state):
    """Sizes of a published SR vocoder, dilations apart; see
    :func:`unet_sizes`.

    Example
    -------
    >>> from speechbrain_flashsr.lobes.vocoder import SRVocoder
    >>> from speechbrain_flashsr.checkpoints.external.keys import published_keys
    >>> network = SRVocoder(8, 16, (3, 2), (3, 5))
    >>> state = network.state_dict()
    >>> keys = published_keys(network).items()
    >>> vocoder_sizes({published: state[own] for published, own in keys})
    {'n_mels': 8, 'channels': 16, 'upsample_rates': [3, 2],
     'kernel_sizes': [3, 5], 'dilations': [1, 3, 5]}
    """
    stages = _count(state, "ups.{}.0", "weight_v")
    blocks = _count(state, "resblocks.{}.convs1.0", "weight_v")
    if stages == 0:
        raise KeyError("ups.0.0.weight_v")
    return {
        "n_mels": state["conv_pre.weight_v"].shape[1],
        "channels": state["conv_pre.weight_v"].shape[0],
        "upsample_rates": [
            state[f"ups.{i}.0.weight_v"].shape[2] // 2 for i in range(stages)
        ],
        "kernel_sizes": [
            state[f"resblocks.{i}.convs1.0.weight_v"].shape[2]
            for i in range(blocks // stages)
        ],
        "dilations": [1, 3, 5],
    }


def _width(state, layer):
    """Output channels of a layer."""
    return state[f"{layer}.weight"].shape[0]


def _count(state, layer, weight="weight", start=0):
    """How many layers there are, numbered on from `start`."""
    numbers = itertools.count(start)
    keys = (f"{layer.format(i)}.{weight}" for i in numbers)
    return sum(1 for _ in itertools.takewhile(lambda key: key in state, keys))
