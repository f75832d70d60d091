"""Contents of the published files: the networks and constants.

Authors
 * The speechbrain_flashsr developers 2026
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from speechbrain_flashsr.checkpoints.external.keys import published_keys
from speechbrain_flashsr.checkpoints.external.sizes import (
    autoencoder_sizes,
    unet_sizes,
    vocoder_sizes,
)
from speechbrain_flashsr.checkpoints.loading import describe_misfit, find_misfit
from speechbrain_flashsr.checkpoints.reading import (
    CheckpointError,
    check_tensors,
    read_checkpoint,
)
from speechbrain_flashsr.diffusion import NoiseSchedule, cosine_betas
from speechbrain_flashsr.lobes.activations import kaiser_sinc_filter
from speechbrain_flashsr.lobes.autoencoder import Autoencoder
from speechbrain_flashsr.lobes.unet import LatentUNet
from speechbrain_flashsr.lobes.vocoder import SRVocoder

NETWORKS = {
    "autoencoder": (Autoencoder, autoencoder_sizes),
    "unet": (LatentUNet, unet_sizes),
    "vocoder": (SRVocoder, vocoder_sizes),
}
"""Name of a network: its class, and what infers its sizes from a state."""

SCHEDULE_BUFFERS = {
    "betas",
    "alphas_cumprod",
    "alphas_cumprod_prev",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_variance",
    "posterior_log_variance_clipped",
    "posterior_mean_coef1",
    "posterior_mean_coef2",
}
"""Follow from the noise schedule; all but the first two are dropped unseen."""

TOLERANCE = 1e-5
"""Tolerance for constants that are computed instead of converted."""


@dataclass(frozen=True)
class PublishedNetwork:
    """A network in a published file.

    Arguments
    ---------
    name : str
        One of `NETWORKS`.
    path : str or Path
        The file.
    prefix : str
        Beginning of the network's keys in the file.
    select : callable
        Gets the file's {key: tensor} and this object; returns them without
        those that are known not to be needed.
    """

    name: str
    path: Path
    prefix: str
    select: Callable

    def read(self):
        """The network's weights in the file, and whatever should not be there.

        Returns
        -------
        dict
            {key in the file: tensor}.

        Raises
        ------
        CheckpointError
            If the file cannot be read, or a constant in it is not ours.
        """
        return self.select(read_state(self.path), self)

    def expected(self, sizes):
        """Weights that the file must hold if the network has these sizes.

        Arguments
        ---------
        sizes : dict
            Arguments of the network's class.

        Returns
        -------
        dict
            {key in the file: (key in our state, tensor without data)}.
        """
        with torch.device("meta"):
            module = NETWORKS[self.name][0](**sizes)
        state = module.state_dict()
        return {
            self.prefix + key: (own, state[own])
            for key, own in published_keys(module).items()
        }

    def check(self, dtype):
        """Checks that all weights are there, fit, and can be stored.

        Arguments
        ---------
        dtype : torch.dtype
            That they are to be stored in.

        Returns
        -------
        dict
            The network's sizes: arguments of its class.

        Raises
        ------
        CheckpointError
            If they are not.
        """
        network, infer_sizes = NETWORKS[self.name]
        state = self.read()
        guesses = [{}]  # the paper's sizes, which are the class's defaults
        try:
            bare = {key.removeprefix(self.prefix): state[key] for key in state}
            guesses.insert(0, infer_sizes(bare))
        except (LookupError, ArithmeticError):
            pass  # weights that determine the sizes are missing
        misfits = []
        for sizes in guesses:
            try:
                expected = self.expected(sizes)
            except (ValueError, RuntimeError):
                continue  # no network has such sizes
            tensors = {key: tensor for key, (_, tensor) in expected.items()}
            misfit = find_misfit(tensors, state)
            if not misfit:
                self._check_values(state, dtype)
                return sizes
            count = sum(len(keys) for keys in misfit.values())
            misfits.append((count, len(expected), describe_misfit(misfit)))
        _, total, description = min(misfits)
        raise CheckpointError(
            f"'{self.path}' does not fit {network.__name__}: of its {total} "
            f"published keys, {description}. Use the file as it was "
            "published, under its own option."
        )

    def _check_values(self, state, dtype):
        """Checks that all values are finite and within a type's range."""
        limit = torch.finfo(dtype).max
        for key, value in state.items():
            low, high = (bound.item() for bound in value.float().aminmax())
            if not -limit <= low <= high <= limit:
                finite = -float("inf") < low <= high < float("inf")
                raise CheckpointError(
                    f"'{self.path}': the values of '{key}', from {low:.6g} to "
                    f"{high:.6g}, cannot be stored. "
                    + (
                        "Leave out half precision."
                        if finite
                        else "Download the file again."
                    )
                )


def read_state(path):
    """Reads the tensors of a file, which may be a training's checkpoint.

    Arguments
    ---------
    path : str or Path
        The file.

    Returns
    -------
    dict
        {key: tensor}: what was saved or, if that has a "state_dict", that.

    Raises
    ------
    CheckpointError
        If the file cannot be read.

    Example
    -------
    >>> path = getfixture("tmp_path") / "training.ckpt"
    >>> torch.save({"epoch": 3, "state_dict": {"a": torch.zeros(1)}}, path)
    >>> read_state(path)
    {'a': tensor([0.])}
    """
    state = read_checkpoint(path)
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    return check_tensors(state, path)


# Selections from each file ---------------------------------------------------


def flashsr_autoencoder(path):
    """The autoencoder in vae.pth, without the vocoder that comes with it."""

    def select(state, network):
        return _drop(state, lambda key: key.startswith("vocoder."))

    return PublishedNetwork("autoencoder", path, "", select)


def flashsr_unet(path):
    """The U-Net in student_ldm.pth, without the noise schedule's buffers."""

    def select(state, network):
        _check_schedule(state, path)
        return _drop(state, lambda key: key in SCHEDULE_BUFFERS)

    return PublishedNetwork("unet", path, "model.", select)


def flashsr_vocoder(path):
    """The SR vocoder in sr_vocoder.pth, without the resampling filters and
    the waveform branch's last downsampling, whose output goes nowhere."""

    def select(state, network):
        taps = kaiser_sinc_filter()
        filters = {key for key in state if key.endswith(".filter")}
        for key in filters:
            _check_constant(state[key].flatten(), taps, key, path)
        stages = sum(f"ups.{i}.0.bias" in state for i in range(len(state)))
        unused = f"audio_block.downsamples.{stages - 1}."
        return _drop(
            state, lambda key: key in filters or key.startswith(unused)
        )

    return PublishedNetwork("vocoder", path, "", select)


def audiosr_autoencoder(path):
    """The autoencoder in AudioSR's file."""
    parts = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")

    def select(state, network):
        kept = tuple(network.prefix + part for part in parts)
        return _drop(state, lambda key: not key.startswith(kept))

    return PublishedNetwork("autoencoder", path, "first_stage_model.", select)


def audiosr_unet(path):
    """The U-Net in AudioSR's file."""

    def select(state, network):
        _check_schedule(state, path)
        return _drop(state, lambda key: not key.startswith(network.prefix))

    return PublishedNetwork("unet", path, "model.diffusion_model.", select)


def _drop(state, is_dropped):
    return {key: state[key] for key in state if not is_dropped(key)}


def _check_schedule(state, path):
    """Checks the noise schedule's buffers, as far as they are there."""
    buffers = {
        "betas": cosine_betas(),
        "alphas_cumprod": NoiseSchedule().alphas ** 2,
    }
    for key, expected in buffers.items():
        if key in state:
            _check_constant(state[key], expected, key, path)


def _check_constant(value, expected, key, path):
    """Checks that a dropped constant equals the one that we compute."""
    if value.shape == expected.shape:
        error = (value.double() - expected).abs().max().item()
        if error <= TOLERANCE:
            return
        found = f"is off by {error:.2g}"
    else:
        found = f"has shape {list(value.shape)}"
    raise CheckpointError(
        f"'{path}': its '{key}' {found}. Use the published checkpoint: a "
        "model with another noise schedule or other resampling filters cannot "
        "be converted."
    )
