"""Checks of arguments, with errors that name the value and the remedy.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools
import math
import operator
import re
from pathlib import Path

import numpy as np
import torch
from speechbrain.utils.fetching import FetchSource
from speechbrain.utils.logger import get_logger

from speechbrain_flashsr.audio.checks import AudioError, check_sample_rate

logger = get_logger(__name__)

LOWEST_CUTOFF = 500.0
"""Lowest supported cut-off, in Hz."""


def without_autocast(method):
    """Makes a method ignore a surrounding `torch.autocast` region: waveforms need
    single precision, and a model has its own precision.

    Arguments
    ---------
    method : callable
        Any.

    Returns
    -------
    callable
        The method that ignores it.

    Example
    -------
    >>> product = without_autocast(torch.matmul)
    >>> with torch.autocast("cpu", torch.bfloat16):
    ...     product(torch.ones(2, 2), torch.ones(2, 2)).dtype
    torch.float32
    """

    @functools.wraps(method)
    def wrapper(*args, **kwargs):
        with torch.autocast("cpu", enabled=False):
            if not torch.cuda.is_available():
                return method(*args, **kwargs)
            with torch.autocast("cuda", enabled=False):
                return method(*args, **kwargs)

    return wrapper


def check_whole(value, name, least):
    """Checks an integer argument.

    Arguments
    ---------
    value : int
        The number.
    name : str
        Its name, for messages.
    least : int
        Least value.

    Returns
    -------
    int
        The same.

    Raises
    ------
    AudioError
        If it is not an integer, or too small.

    Example
    -------
    >>> check_whole(2, "num_steps", 1)
    2
    """
    try:
        valid = operator.index(value) >= least
    except TypeError:
        valid = False
    if not valid:
        raise AudioError(
            f"{name} is {value!r}. Pass an integer of at least {least}."
        )
    return value


def check_input_rate(sample_rate, name, model_rate):
    """Checks the rate of an input, and warns if the model's is lower.

    Arguments
    ---------
    sample_rate : int
        Of the input, in Hz.
    name : str
        Name of the input, for messages.
    model_rate : int
        Rate of the model, in Hz.

    Returns
    -------
    int
        The input's rate.

    Raises
    ------
    AudioError
        If it is not a supported rate.
    """
    rate = check_sample_rate(sample_rate, name)
    if rate > model_rate:
        logger.warning(
            f"{name} is at {rate} Hz: it is brought to {model_rate} Hz, which "
            f"drops the band above {model_rate // 2} Hz."
        )
    return rate


def check_cutoff(cutoff, sample_rate):
    """Checks a cut-off.

    Arguments
    ---------
    cutoff : float
        In Hz.
    sample_rate : int
        Of the input or the output, in Hz, whichever is less.

    Returns
    -------
    float
        The same.

    Raises
    ------
    AudioError
        If it is not a number between 500 Hz and half of the rate.

    Example
    -------
    >>> check_cutoff(4000, 16000)
    4000.0
    """
    try:
        value = float(cutoff)
    except (TypeError, ValueError):
        value = math.nan
    if not LOWEST_CUTOFF <= value <= sample_rate / 2:
        raise AudioError(
            f"The cut-off is {cutoff!r} Hz. Pass one between "
            f"{LOWEST_CUTOFF:g} Hz and half of the sample rate, "
            f"{sample_rate / 2:g} Hz, or none to have it detected."
        )
    return value


def cutoff_list(cutoff, count, sample_rate):
    """Brings the cut-offs of several clips or channels to one form.

    Arguments
    ---------
    cutoff : float or sequence of float, optional
        In Hz, for all or for each.
    count : int
        Number of clips or channels.
    sample_rate : int
        Of the input or the output, in Hz, whichever is less.

    Returns
    -------
    list of float or None
        One for each; None where they are to be detected.

    Raises
    ------
    AudioError
        If one is not valid, or their number is not `count`.

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
    return [check_cutoff(value, sample_rate) for value in cutoff]


def check_wavs(wavs):
    """Checks type and shape of a batch of waveforms.

    Arguments
    ---------
    wavs : torch.Tensor
        [time], [batch, time] or [batch, time, channels].

    Raises
    ------
    AudioError
        If it is not a floating-point tensor of such a shape, or empty.

    Example
    -------
    >>> check_wavs(torch.zeros(2, 100))
    """
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
    """Checks that channels come last.

    Arguments
    ---------
    wavs : torch.Tensor
        [..., time, channels]

    Raises
    ------
    AudioError
        If there are more channels than samples.

    Example
    -------
    >>> check_channel_order(torch.zeros(1, 16000, 2))
    """
    time, channels = wavs.shape[-2:]
    if channels > time:
        raise AudioError(
            f"The shape {list(wavs.shape)} means {time} samples of {channels} "
            "channels. Channels come last: use wavs.transpose(-1, -2)."
        )


def absolute_lengths(lengths, batch, time):
    """Turns relative lengths into numbers of samples.

    Arguments
    ---------
    lengths : torch.Tensor, optional
        Above 0 and at most 1, [batch]. Default: all are full.
    batch : int
        Number of clips.
    time : int
        Length of the longest, in samples.

    Returns
    -------
    list of int
        At least 1.

    Raises
    ------
    AudioError
        If a length is out of range, or their number is not `batch`.

    Example
    -------
    >>> absolute_lengths(torch.tensor([1.0, 0.25]), 2, 100)
    [100, 25]
    """
    if lengths is None:
        return [time] * batch
    try:
        lengths = torch.as_tensor(lengths, dtype=torch.float64).flatten()
    except (TypeError, ValueError, RuntimeError) as error:
        raise AudioError(
            f"lengths is {lengths!r}. Pass one relative length, above 0 and at "
            f"most 1, for each of the {batch} clips."
        ) from error
    if len(lengths) != batch or not ((lengths > 0) & (lengths <= 1)).all():
        raise AudioError(
            f"lengths is {lengths.tolist()}. Pass one relative length, above "
            f"0 and at most 1, for each of the {batch} clips."
        )
    return (lengths * time).round().long().clamp_min(1).tolist()


def check_source(source, hparams_file):
    """Checks the source of a model, because SpeechBrain looks up a mistyped
    folder on the hub.

    Arguments
    ---------
    source : str or Path or FetchSource
        Folder, hub name or URL.
    hparams_file : str
        Name of the hyperparameters in a model's folder.

    Raises
    ------
    FileNotFoundError
        If it looks like a folder but does not exist, or holds no model.
    """
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
    elif isinstance(source, Path) or not re.fullmatch(
        r"https?://.+|[\w-][\w.-]*/[\w-][\w.-]*", source
    ):
        raise FileNotFoundError(
            f"There is no folder '{source}'. Pass a folder that holds a "
            "model, or a hub name such as 'user/model'."
        )
