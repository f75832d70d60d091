"""The authors' FlashSR checkpoints, and AudioSR's, as pretrained folders.

FlashSR (https://arxiv.org/abs/2501.10807) is published as three files:
student_ldm.pth, sr_vocoder.pth and vae.pth. AudioSR
(https://arxiv.org/abs/2309.07314) is one file, whose U-Net and autoencoder
are FlashSR's teacher. Both are checked to the last key and shape, renamed and
written to a folder that `FlashSR.from_hparams` loads. Sizes are read from the
shapes, one network at a time is in memory, and no code in a file is run.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import torch

from speechbrain_flashsr.checkpoints import CheckpointError
from speechbrain_flashsr.checkpoints.export import export_pretrained
from speechbrain_flashsr.checkpoints.external import files
from speechbrain_flashsr.checkpoints.reading import digest_of_file
from speechbrain_flashsr.lobes.features import LogMel

LATENT_SCALE = 0.3342
"""Scale of the published latents."""

UNCONDITIONAL_LATENT = -11.4981
"""Value of the unscaled latent that stands for "no condition"."""

TEACHER_STEPS = 50
"""Diffusion steps that AudioSR takes by default."""

TEACHER_GUIDANCE = 3.5
"""AudioSR's default scale of classifier-free guidance."""


def convert_flashsr(student_ldm, sr_vocoder, vae, folder, half=False):
    """Converts the three published FlashSR checkpoints.

    Dropped are the autoencoder's bundled vocoder, the schedule's buffers, the
    vocoder's resampling filters and its unused downsampling; schedule and
    filters must agree with those that this package computes.

    Arguments
    ---------
    student_ldm : str or Path
        The one-step U-Net.
    sr_vocoder : str or Path
        The SR vocoder.
    vae : str or Path
        The autoencoder.
    folder : str or Path
        Where to write; it must be empty or not be there.
    half : bool
        Whether to store half precision, which takes half of the space.

    Returns
    -------
    Path
        The folder, which ``FlashSR.from_hparams`` loads.

    Raises
    ------
    CheckpointError
        If a file is missing, truncated or holds pickled code; if keys are
        missing, extra or of another shape; if values are not finite, or too
        large for half precision; if the files do not belong together.
    FileExistsError
        If the folder is not empty.

    Example
    -------
    >>> convert_flashsr("ldm.pth", "sr_vocoder.pth", "vae.pth", "flashsr")
    Traceback (most recent call last):
    ...
    speechbrain_flashsr.checkpoints.reading.CheckpointError: There is no checkpoint...
    """
    return _convert(
        [
            files.flashsr_autoencoder(vae),
            files.flashsr_unet(student_ldm),
            files.flashsr_vocoder(sr_vocoder),
        ],
        {"student_ldm": student_ldm, "sr_vocoder": sr_vocoder, "vae": vae},
        folder,
        half,
    )


def convert_audiosr(checkpoint, folder, sr_vocoder=None, half=False):
    """Converts AudioSR's checkpoint to a teacher.

    Its U-Net and autoencoder are taken, nothing else; the noise schedule, if it
    is in the file, must be FlashSR's. The student's recipe starts from the
    folder's `unet.safetensors` and `autoencoder.safetensors`. With an SR
    vocoder, the folder is a super-resolver of 50 steps with guidance 3.5.

    Arguments
    ---------
    checkpoint : str or Path
        AudioSR's single file.
    folder : str or Path
        Where to write; it must be empty or not be there.
    sr_vocoder : str or Path, optional
        FlashSR's published SR vocoder.
    half : bool
        Whether to store half precision, which takes half of the space.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    CheckpointError, FileExistsError
        See :func:`convert_flashsr`.

    Example
    -------
    >>> convert_audiosr("audiosr.bin", "teacher")
    Traceback (most recent call last):
    ...
    speechbrain_flashsr.checkpoints.reading.CheckpointError: There is no checkpoint...
    """
    networks = [
        files.audiosr_autoencoder(checkpoint),
        files.audiosr_unet(checkpoint),
    ]
    sources = {"audiosr": checkpoint}
    if sr_vocoder is not None:
        networks.append(files.flashsr_vocoder(sr_vocoder))
        sources["sr_vocoder"] = sr_vocoder
    return _convert(
        networks, sources, folder, half, TEACHER_STEPS, TEACHER_GUIDANCE
    )


class TeacherOnly(torch.nn.Module):
    """Stands in for the super-resolver in the folder of a teacher without SR
    vocoder, and says so when an interface asks for it.

    Raises
    ------
    CheckpointError
        When its sample rate is asked for.

    Example
    -------
    >>> TeacherOnly().sample_rate
    Traceback (most recent call last):
    ...
    speechbrain_flashsr.checkpoints.reading.CheckpointError: This model is a teacher...
    """

    @property
    def sample_rate(self):
        """The first attribute that an interface reads."""
        raise CheckpointError(
            "This model is a teacher only: a U-Net and an autoencoder without "
            "SR vocoder, which make no waveform. Convert the checkpoint again "
            "with --sr-vocoder, or pass the folder's unet.safetensors and "
            "autoencoder.safetensors to train_student.py as teacher_file and "
            "autoencoder_file."
        )


def _convert(networks, sources, folder, half, num_steps=1, guidance_scale=1.0):
    """Checks all, then writes all."""
    folder = Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(
            f"'{folder}' exists already. Remove it, or name a new folder."
        )
    dtype = torch.float16 if half else torch.float32
    sizes = {network.name: network.check(dtype) for network in networks}
    _check_together(sizes)
    scale = LATENT_SCALE
    if "audiosr" in sources:
        scale = _latent_scale(sources["audiosr"])
    extra = f"\nnum_steps: {num_steps}\nguidance_scale: {guidance_scale}\n"
    extra += "\n# The converted files\nsources:\n"
    for name, path in sources.items():
        source = {"file": Path(path).name, "sha256": digest_of_file(path)}
        extra += f"    {name}: {json.dumps(source)}\n"
    states = _States(networks, sizes, scale, dtype)
    return export_pretrained(
        folder, _model_yaml(sizes, scale), states, half, extra
    )


def _check_together(sizes):
    """Checks that the networks fit each other."""
    found = [sizes[name]["latent_channels"] for name in ("autoencoder", "unet")]
    if found[0] != found[1]:
        raise CheckpointError(
            f"The autoencoder's latents have {found[0]} channels, the U-Net's "
            f"{found[1]}. Use checkpoints of one model."
        )
    if "vocoder" in sizes:
        features, vocoder = LogMel(), sizes["vocoder"]
        found = vocoder["n_mels"], math.prod(vocoder["upsample_rates"])
        if found != (features.n_mels, features.hop_length):
            raise CheckpointError(
                f"The SR vocoder reads {found[0]} mel bands every {found[1]} "
                f"samples instead of {features.n_mels} every "
                f"{features.hop_length}. Use FlashSR's."
            )


def _latent_scale(path):
    """Scale of AudioSR's latents."""
    scale = files.read_state(path).get("scale_factor")
    if scale is None:
        return LATENT_SCALE
    if scale.numel() != 1 or not 0 < scale.item() < float("inf"):
        raise CheckpointError(
            f"'{path}': its 'scale_factor' is {scale.tolist()} instead of one "
            "positive number. Download the file again."
        )
    return scale.item()


class _States(Mapping):
    """The state of each network under our names, read when it is asked for.

    Arguments
    ---------
    networks : list of PublishedNetwork
        Which have been checked.
    sizes : dict
        {name: sizes}.
    scale : float
        Of the autoencoder's latents.
    dtype : torch.dtype
        Of the weights.
    """

    def __init__(self, networks, sizes, scale, dtype):
        self.networks = {network.name: network for network in networks}
        self.sizes = sizes
        self.scale = scale
        self.dtype = dtype

    def __iter__(self):
        return iter(self.networks)

    def __len__(self):
        return len(self.networks)

    def __getitem__(self, name):
        network = self.networks[name]
        published = network.read()
        state = {
            own: published[key].detach().to(self.dtype)
            for key, (own, _) in network.expected(self.sizes[name]).items()
        }
        if name == "autoencoder":
            state["scale"] = torch.tensor(self.scale)
        return state


def _model_yaml(sizes, scale):
    """HyperPyYAML of the model."""
    package = "speechbrain_flashsr"
    text = f"""\
sample_rate: 48000

features: !new:{package}.lobes.features.LogMel
"""
    for name, arguments in sizes.items():
        network = files.NETWORKS[name][0]
        text += f"\n{name}: !new:{network.__module__}.{network.__name__}\n"
        for key, value in arguments.items():
            text += f"    {key}: {json.dumps(value)}\n"
    text += f"""
schedule: !new:{package}.diffusion.NoiseSchedule

denoiser: !new:{package}.diffusion.VDenoiser
    unet: !ref <unet>
    schedule: !ref <schedule>
    unconditional: {UNCONDITIONAL_LATENT * scale:.8g}
"""
    if "vocoder" in sizes:
        text += f"""
super_resolver: !new:{package}.lobes.super_resolver.LatentSuperResolver
    features: !ref <features>
    autoencoder: !ref <autoencoder>
    denoiser: !ref <denoiser>
    vocoder: !ref <vocoder>
"""
    else:
        text += f"\nsuper_resolver: !new:{__name__}.TeacherOnly\n"
    return text
