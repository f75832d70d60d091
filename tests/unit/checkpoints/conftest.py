"""Fixtures: published files.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch


@pytest.fixture(scope="module")
def published(reference):
    """{file: state} of all published files, small. Not to be changed."""
    numbers = reference("diffusion")
    unet = reference("unet")["state_dict"]
    vae = reference("vae")["state_dict"]
    schedule = {
        "betas": numbers["betas"],
        "alphas_cumprod": numbers["alphas_cumprod"],
        "alphas_cumprod_prev": torch.rand(1000),
        "sqrt_alphas_cumprod": numbers["alphas_cumprod"].sqrt(),
        "sqrt_one_minus_alphas_cumprod": torch.rand(1000),
        "log_one_minus_alphas_cumprod": torch.rand(1000),
        "sqrt_recip_alphas_cumprod": torch.rand(1000),
        "sqrt_recipm1_alphas_cumprod": torch.rand(1000),
        "posterior_variance": torch.rand(1000),
        "posterior_log_variance_clipped": torch.rand(1000),
        "posterior_mean_coef1": torch.rand(1000),
        "posterior_mean_coef2": torch.rand(1000),
    }
    bundled = {
        "vocoder.conv_pre.weight": torch.rand(4, 256, 7),
        "vocoder.ups.0.weight": torch.rand(4, 2, 12),
    }
    vocoder = reference("vocoder")["state_dict"]
    assert "audio_block.downsamples.4.0.weight" in vocoder
    assert sum(key.endswith(".filter") for key in vocoder) == 182
    return {
        "student_ldm.pth": {**schedule, **_prefixed("model.", unet)},
        "sr_vocoder.pth": vocoder,
        "vae.pth": {**vae, **bundled},
        "audiosr.bin": {
            **schedule,
            **_prefixed("model.diffusion_model.", unet),
            **_prefixed("first_stage_model.", {**vae, **bundled}),
            "model_ema.decay": torch.tensor(0.999),
            "model_ema.diffusion_modelout2bias": torch.rand(16),
            "cond_stage_models.0.vocoder.bias": torch.rand(3),
        },
    }


def _prefixed(prefix, state):
    return {prefix + key: value for key, value in state.items()}


@pytest.fixture
def folder(tmp_path, published):
    """A folder with all files, which may be changed."""
    for name, state in published.items():
        if name == "audiosr.bin":
            state = {"epoch": 3, "state_dict": state}
        torch.save(state, tmp_path / name)
    return tmp_path
