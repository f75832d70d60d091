"""Checks of arguments, with errors that name the value and the remedy.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import math
import operator
import re
from pathlib import Path

import numpy as np
import torch
from speechbrain.utils.fetching import FetchSource
from speechbrain.utils.logger import get_logger

from speechbrain_flashsr.audio.checks import AudioError

logger = get_logger(__name__)

LOWEST_CUTOFF = 500.0
"""Lowest supported cut-off, in Hz."""

REMOTE = re.compile(r"https?://.+|[\w-][\w.-]*/[\w-][\w.-]*")
"""A URL, or the name of a repository on the hub."""


@contextlib.contextmanager
def plain_torch():
    """PyTorch as it is by default, whatever the caller has set: without
    autocast, new tensors on the CPU and in single precision. Waveforms need
    that, and a model has its own precision and device. Also a decorator.

    Example
    -------
    >>> with torch.device("meta"), plain_torch():
    ...     torch.zeros(1).device
    device(type='cpu')
    """
    dtype = torch.get_default_dtype()
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.autocast("cpu", enabled=False))
        if torch.cuda.is_available():
            stack.enter_context(torch.autocast("cuda", enabled=False))
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if dtype != torch.float32:
            torch.set_default_dtype(torch.float32)
            stack.callback(torch.set_default_dtype, dtype)
        yield


def check_integer(value, name, least):
    """Returns an integer of at least `least`, else raises an AudioError."""
    try:
        valid = operator.index(value) >= least
    except TypeError:
        valid = False
    if not valid:
        raise AudioError(
            f"{name} is {value!r}. Pass an integer of at least {least}."
        )
    return value


def warn_of_lower_rate(rate, name, model_rate):
    """Warns if the model's rate is lower than an input's."""
    if rate > model_rate:
        logger.warning(
            f"{name} is at {rate} Hz: it is brought to {model_rate} Hz, which "
            f"drops the band above {model_rate // 2} Hz."
        )


def cutoff_list(cutoff, count, sample_rate):
    """Brings the cut-offs of clips or channels to one form: one in Hz for each,
    or None where they are to be detected. Raises an AudioError if there are
    more or less, or one is not between 500 Hz and half of the sample rate,
    which is that of the input or of the output, whichever is less.

    Example
    -------
    >>> cutoff_list(4000, 2, 16000)
    [4000.0, 4000.0]
    """
    if cutoff is None:
        return None
    if isinstance(cutoff, torch.Tensor | np.ndarray):
        cutoff = cutoff.tolist()
    if isinstance(cutoff, list | tuple):
        if len(cutoff) != count:
            raise AudioError(
                f"There are {len(cutoff)} cut-offs for {count} clips or "
                "channels. Pass one number, or one for each."
            )
    else:
        cutoff = [cutoff] * count
    cutoffs = []
    for value in cutoff:
        try:
            cutoffs.append(float(value))
        except (TypeError, ValueError):
            cutoffs.append(math.nan)
        if not LOWEST_CUTOFF <= cutoffs[-1] <= sample_rate / 2:
            raise AudioError(
                f"The cut-off is {value!r} Hz. Pass one between "
                f"{LOWEST_CUTOFF:g} Hz and half of the sample rate, "
                f"{sample_rate / 2:g} Hz, or none to have it detected."
            )
    return cutoffs


def check_wavs(wavs):
    """Raises an AudioError unless waveforms are a floating-point tensor [time],
    [batch, time] or [batch, time, channels] that is not empty."""
    if not torch.is_tensor(wavs):
        raise AudioError(
            f"wavs is a {type(wavs).__name__}. Pass a torch.Tensor, for "
            "example by torch.as_tensor."
        )
    if wavs.is_nested or wavs.layout != torch.strided or wavs.is_meta:
        kind = "meta" if wavs.is_meta else "nested or sparse"
        raise AudioError(
            f"wavs is a {kind} tensor. Pass a dense one, padded with zeros, "
            "that holds samples."
        )
    if not wavs.is_floating_point():
        raise AudioError(
            f"wavs holds {wavs.dtype}. Pass floating-point samples with full "
            "scale 1: divide 16-bit samples by 32768."
        )
    if wavs.ndim not in (1, 2, 3) or wavs.numel() == 0:
        raise AudioError(
            f"wavs has shape {list(wavs.shape)}. Pass [batch, time] or "
            "[batch, time, channels], none of them 0."
        )
    if wavs.ndim == 3:
        check_channel_order(wavs)


def check_channel_order(wavs):
    """Raises an AudioError if [..., time, channels] has more channels than
    samples."""
    time, channels = wavs.shape[-2:]
    if channels > time:
        raise AudioError(
            f"The shape {list(wavs.shape)} means {time} samples of {channels} "
            "channels. Channels come last: use wavs.transpose(-1, -2)."
        )


def absolute_lengths(lengths, batch, time):
    """Turns relative lengths, above 0 and at most 1, [batch], into numbers of
    samples, at least 1. Default: all are full.

    Example
    -------
    >>> absolute_lengths(torch.tensor([1.0, 0.25]), 2, 100)
    [100, 25]
    """
    if lengths is None:
        return [time] * batch
    try:
        values = torch.as_tensor(lengths, dtype=torch.float64).flatten()
        valid = len(values) == batch and ((values > 0) & (values <= 1)).all()
    except (TypeError, ValueError, RuntimeError):
        valid = False
    if not valid:
        raise AudioError(
            f"lengths is {lengths!r}. Pass one relative length, above 0 and at "
            f"most 1, for each of the {batch} clips."
        )
    return (values * time).round().long().clamp_min(1).tolist()


def check_source(source, hparams_file):
    """Raises a FileNotFoundError if the source of a model looks like a folder
    but does not exist or holds no model: SpeechBrain would look it up on the
    hub."""
    if isinstance(source, FetchSource):
        return
    if not isinstance(source, str | Path) or "\0" in str(source):
        raise AudioError(
            f"The source {source!r} is not a name. Pass a folder that holds a "
            "model, or a hub name such as 'user/model'."
        )
    folder = Path(source)
    if folder.is_dir():
        if not (folder / hparams_file).is_file():
            raise FileNotFoundError(
                f"The folder '{source}' holds no model: '{hparams_file}' "
                f"is missing in it. Pass a folder that a training "
                "recipe exported."
            )
    elif isinstance(source, Path) or not REMOTE.fullmatch(source):
        raise FileNotFoundError(
            f"There is no folder '{source}'. Pass a folder that holds a "
            "model, or a hub name such as 'user/model'."
        )
