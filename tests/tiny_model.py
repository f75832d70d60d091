"""A pretrained folder with a tiny model of random weights, and toy models.

Authors
 * The speechbrain_flashsr developers 2026
"""

from pathlib import Path

import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_flashsr.inference import FlashSR

TINY_HPARAMS = """
sample_rate: 48000
window_length: 122880

features: !new:speechbrain_flashsr.lobes.features.LogMel

autoencoder: !new:speechbrain_flashsr.lobes.autoencoder.Autoencoder
    channels: 4
    channel_mults: [1, 1, 1, 1]
    encoder_blocks: 1
    decoder_blocks: 1
    groups: 2

unet: !new:speechbrain_flashsr.lobes.unet.LatentUNet
    latent_channels: 16
    channels: 4
    channel_mults: [1, 1, 1, 1]
    num_blocks: 1
    attention_factors: []
    num_transformers: 0
    groups: 2

denoiser: !new:speechbrain_flashsr.diffusion.VDenoiser
    unet: !ref <unet>

vocoder: !new:speechbrain_flashsr.lobes.vocoder.SRVocoder
    n_mels: 256
    channels: 32
    kernel_sizes: [3]
    dilations: [1]

super_resolver: !new:speechbrain_flashsr.lobes.super_resolver.LatentSuperResolver
    features: !ref <features>
    autoencoder: !ref <autoencoder>
    denoiser: !ref <denoiser>
    vocoder: !ref <vocoder>

modules:
    super_resolver: !ref <super_resolver>

pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        autoencoder: !ref <autoencoder>
        unet: !ref <unet>
        vocoder: !ref <vocoder>
    custom_hooks:
        autoencoder: !name:speechbrain_flashsr.checkpoints.load_strictly
        unet: !name:speechbrain_flashsr.checkpoints.load_strictly
        vocoder: !name:speechbrain_flashsr.checkpoints.load_strictly
"""


def save_tiny_model(folder, seed=0, hparams=TINY_HPARAMS):
    """Writes a folder that `FlashSR.from_hparams` loads.

    Arguments
    ---------
    folder : str or Path
        Where to; it is made if it is not there.
    seed : int
        Of the random weights.
    hparams : str
        YAML of the model.

    Returns
    -------
    str
        The folder.

    Example
    -------
    >>> folder = save_tiny_model(getfixture("tmp_path") / "tiny")
    >>> sorted(path.name for path in Path(folder).iterdir())
    ['autoencoder.ckpt', 'hyperparams.yaml', 'unet.ckpt', 'vocoder.ckpt']
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hyperparams.yaml").write_text(hparams, encoding="utf-8")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        hparams = load_hyperpyyaml(hparams)
    for name, module in hparams["pretrainer"].loadables.items():
        torch.save(module.state_dict(), folder / f"{name}.ckpt")
    return str(folder)


class ToySuperResolver(torch.nn.Module):
    """Stands in for a trained model: the input plus a known high band.

    Has the attributes and the call of a `LatentSuperResolver`.

    Arguments
    ---------
    high_band : callable, optional
        Maps the normalised input [batch, time] and the noise to what is
        added, [batch, time]. Default: nothing is added.

    Attributes
    ----------
    calls : list of (torch.Tensor, torch.Tensor, dict)
        Input, noise and options of each call.

    Example
    -------
    >>> toy = ToySuperResolver()
    >>> low = torch.randn(1, 30720)
    >>> noise = torch.randn(1, *toy.latent_shape(30720))
    >>> torch.equal(toy(low, noise), low)
    True
    """

    sample_rate = 48000
    window_multiple = 30720

    def __init__(self, high_band=None):
        super().__init__()
        self.high_band = high_band
        self.calls = []

    def latent_shape(self, num_samples):
        """Shape of the noise of a window."""
        return (16, num_samples // 480 // 8, 32)

    def forward(self, low, noise, **options):
        """Super-resolves [batch, time]."""
        assert noise.shape[1:] == self.latent_shape(low.shape[1])
        self.calls.append((low, noise, options))
        if self.high_band is None:
            return low
        return low + self.high_band(low, noise)


def toy_interface(high_band=None, **hparams):
    """An interface around a `ToySuperResolver`.

    Arguments
    ---------
    high_band : callable, optional
        See there.
    **hparams
        Hyperparameters of the interface.

    Returns
    -------
    FlashSR

    Example
    -------
    >>> flashsr = toy_interface()
    >>> wavs = torch.randn(1, 100)
    >>> flashsr.super_resolve_batch(wavs, sample_rate=16000, cutoff=8000).shape
    torch.Size([1, 300])
    """
    return FlashSR(
        modules={"super_resolver": ToySuperResolver(high_band)},
        hparams={"sample_rate": 48000, "window_length": 122880, **hparams},
        run_opts={"device": "cpu", "precision": "fp32", "noprogressbar": True},
    )
