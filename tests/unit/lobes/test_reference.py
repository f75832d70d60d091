"""The networks give what the authors' modules give for the same weights.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml

from speechbrain_flashsr.checkpoints.external.keys import published_keys
from speechbrain_flashsr.checkpoints.external.sizes import (
    autoencoder_sizes,
    unet_sizes,
    vocoder_sizes,
)
from speechbrain_flashsr.diffusion import VDenoiser
from speechbrain_flashsr.lobes.autoencoder import Autoencoder
from speechbrain_flashsr.lobes.fast.preparation import prepare_for_inference
from speechbrain_flashsr.lobes.features import LogMel, normalize
from speechbrain_flashsr.lobes.super_resolver import LatentSuperResolver
from speechbrain_flashsr.lobes.unet import LatentUNet
from speechbrain_flashsr.lobes.vocoder import SRVocoder

NETWORKS = {
    "vae": (Autoencoder, autoencoder_sizes),
    "unet": (LatentUNet, unet_sizes),
    "vocoder": (SRVocoder, vocoder_sizes),
}


@pytest.fixture(scope="module")
def networks(reference):
    """The three networks with the fixtures' weights."""
    loaded = {}
    for name, (network, infer_sizes) in NETWORKS.items():
        published = reference(name)["state_dict"]
        module = network(**infer_sizes(published)).eval()
        state = {
            own: published[key].float()
            for key, own in published_keys(module).items()
        }
        missing, _ = module.load_state_dict(state, strict=False)
        assert missing == (["scale"] if name == "vae" else [])
        loaded[name] = module
    return loaded


def relative_error(found, expected):
    assert found.shape == expected.shape
    return ((found - expected).norm() / expected.norm()).item()


def test_log_mel(reference):
    numbers = reference("mel")
    features = LogMel()
    mel = features(numbers["wav"]).squeeze(1).transpose(1, 2)
    torch.testing.assert_close(mel, numbers["mel"], rtol=0, atol=1e-4)
    filters = features.mel.mel_scale.fb.T
    assert list(filters.shape) == numbers["filterbank_shape"].tolist()
    index = tuple(numbers["filterbank_index"].long())
    expected = torch.zeros_like(filters)
    expected[index] = numbers["filterbank_nonzero"]
    torch.testing.assert_close(filters, expected, rtol=0, atol=1e-6)


@torch.no_grad()
def test_autoencoder(reference, networks):
    numbers, autoencoder = reference("vae"), networks["vae"]
    posterior = autoencoder.posterior(numbers["mel"])
    assert relative_error(posterior.mean, numbers["mean"]) < 1e-4
    assert relative_error(posterior.log_variance, numbers["logvar"]) < 1e-4
    mel = autoencoder.decode(numbers["mean"] * autoencoder.scale)
    assert relative_error(mel, numbers["decoded"]) < 1e-4


@torch.no_grad()
def test_unet(reference, networks):
    numbers = reference("unet")
    v = networks["unet"](numbers["x"], numbers["timesteps"], numbers["cond"])
    assert relative_error(v, numbers["output"]) < 1e-4


@torch.no_grad()
def test_vocoder(reference, networks):
    numbers = reference("vocoder")
    wavs = networks["vocoder"](numbers["mel"], numbers["lr_audio"])
    assert relative_error(wavs, numbers["output"]) < 1e-4


@torch.no_grad()
def test_vocoder_with_folded_weights(reference, networks):
    numbers, unfolded = reference("vocoder"), networks["vocoder"]
    published = numbers["state_dict"]
    vocoder = SRVocoder(**vocoder_sizes(published)).eval()
    vocoder.load_state_dict(unfolded.state_dict())
    prepare_for_inference(vocoder)
    wavs = vocoder(numbers["mel"], numbers["lr_audio"])
    assert relative_error(wavs, numbers["output"]) < 1e-4
    assert not any("original" in key for key in vocoder.state_dict())


@torch.no_grad()
def test_whole_path(reference, networks):
    numbers = reference("pipeline")
    resolver = LatentSuperResolver(
        LogMel(),
        networks["vae"],
        VDenoiser(networks["unet"]),
        networks["vocoder"],
    )
    low, mean, scale = normalize(numbers["lr_audio"])
    assert relative_error(low, numbers["norm_audio"]) < 1e-4
    mel = resolver.predictor.features(low)
    assert relative_error(mel, numbers["mel"]) < 1e-4
    condition = resolver.predictor.autoencoder.encode(mel)
    assert relative_error(condition, numbers["cond_latent"]) < 1e-4
    latent = resolver.predictor.denoiser.sample(numbers["noise"], condition)
    assert relative_error(latent, numbers["x0_latent"]) < 1e-4
    decoded = resolver.predictor.autoencoder.decode(latent)
    assert relative_error(decoded, numbers["hr_mel"]) < 1e-4
    cutoff_hz, excitation = torch.tensor([4000.0]), torch.zeros_like(low)
    high = resolver(low, numbers["noise"], cutoff_hz, excitation)
    high = high * scale + mean
    assert relative_error(high, numbers["output"]) < 1e-4


# The paper's size ------------------------------------------------------------


@pytest.fixture(scope="module")
def base_model(project):
    """The modules of hparams/model_base.yaml, without memory for weights."""
    text = (project / "hparams" / "model_base.yaml").read_text(encoding="utf-8")
    # The filters of the features cannot be computed without memory.
    text = text.partition("super_resolver:")[0]
    text = "\n".join(
        line for line in text.splitlines() if not line.startswith("features:")
    )
    with torch.device("meta"):
        return load_hyperpyyaml(text)


@pytest.fixture(scope="module")
def official(project):
    """{file: {key: shape}} of the published checkpoints."""
    path = project / "tests/data/reference/official_state_dicts.json"
    return json.loads(path.read_text(encoding="utf-8"))


def millions(*modules):
    return sum(p.numel() for m in modules for p in m.parameters()) / 1e6


def test_parameter_counts_are_the_papers(base_model, official):
    autoencoder, vocoder = base_model["autoencoder"], base_model["vocoder"]
    encoder = millions(autoencoder.encoder, autoencoder.quant_conv)
    decoder = millions(autoencoder.decoder, autoencoder.post_quant_conv)
    assert encoder == pytest.approx(90.0, abs=0.05)
    assert decoder == pytest.approx(133.5, abs=0.05)
    assert millions(base_model["unet"]) == pytest.approx(258.2, abs=0.05)
    # The published count includes a convolution whose output goes nowhere.
    keys = official["sr_vocoder.pth"]
    unused = keys["audio_block.downsamples.4.0.weight"]
    unused = torch.Size(unused).numel() / 1e6
    assert millions(vocoder) + unused == pytest.approx(156.9, abs=0.05)


@pytest.mark.parametrize(
    "name, file, prefix, infer_sizes",
    [
        ("unet", "student_ldm.pth", "model.", unet_sizes),
        ("autoencoder", "vae.pth", "", autoencoder_sizes),
        ("vocoder", "sr_vocoder.pth", "", vocoder_sizes),
    ],
)
def test_every_weight_has_its_place_in_the_published_files(
    base_model, official, name, file, prefix, infer_sizes
):
    """Keys and shapes agree, and the shapes alone tell the paper's sizes."""
    published = {
        key.removeprefix(prefix): torch.empty(shape, device="meta")
        for key, shape in official[file].items()
        if key.startswith(prefix)
    }
    with torch.device("meta"):
        module = type(base_model[name])(**infer_sizes(published))
    state = module.state_dict()
    expected = base_model[name].state_dict()
    assert {key: value.shape for key, value in state.items()} == {
        key: value.shape for key, value in expected.items()
    }
    keys = published_keys(module)
    for key, own in keys.items():
        assert published[key].shape == state[own].shape
    left_over = {
        key
        for key in published.keys() - keys.keys()
        if not key.startswith(("vocoder.", "audio_block.downsamples.4."))
        and not key.endswith(".filter")
    }
    assert not left_over
