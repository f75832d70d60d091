"""Checks of what users give, with errors that name the value and the remedy.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
import operator
import re
from pathlib import Path

import numpy as np
import torch
from speechbrain.utils.fetching import FetchSource

from speechbrain_flashsr.audio.checks import AudioError

LOWEST_CUTOFF = 500.0
"""Lowest cut-off that is worked with, in Hz."""


def check_whole(value, name, least):
    """Checks a whole number that a user gave.

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
        If it is no whole number, or less.

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
            f"{name} is {value!r}. Give a whole number, at least {least}."
        )
    return value


def check_cutoff(cutoff, sample_rate):
    """Checks a cut-off that a user gave.

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
        If it is no number, or not between 500 Hz and half of the rate.

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
            f"The cut-off is {cutoff!r} Hz. Give one between "
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
                "channels. Give one number, or one for each."
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
        If it is no floating-point tensor of such a shape, or empty.

    Example
    -------
    >>> check_wavs(torch.zeros(2, 100))
    """
    if not torch.is_tensor(wavs):
        raise AudioError(
            f"wavs is a {type(wavs).__name__}. Give a torch.Tensor, for "
            "example by torch.as_tensor."
        )
    if not wavs.is_floating_point():
        raise AudioError(
            f"wavs holds {wavs.dtype}. Give floating-point samples with full "
            "scale 1: divide 16-bit samples by 32768."
        )
    if wavs.ndim not in (1, 2, 3) or wavs.numel() == 0:
        raise AudioError(
            f"wavs has shape {list(wavs.shape)}. Give [batch, time] or "
            "[batch, time, channels], none of them 0."
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
    lengths = torch.as_tensor(lengths, dtype=torch.float64).flatten()
    if len(lengths) != batch or not ((lengths > 0) & (lengths <= 1)).all():
        raise AudioError(
            f"lengths is {lengths.tolist()}. Give one relative length, above "
            f"0 and at most 1, for each of the {batch} clips."
        )
    return (lengths * time).round().long().clamp_min(1).tolist()


def check_source(source, hparams_file):
    """Checks the source of a model: SpeechBrain looks up a mistyped folder on
    the hub.

    Arguments
    ---------
    source : str or Path or FetchSource
        Folder, hub name or URL.
    hparams_file : str
        Name of the file that a model's folder holds.

    Raises
    ------
    FileNotFoundError
        If it looks like a folder but is not there, or holds no model.
    """
    if isinstance(source, FetchSource):
        return
    folder = Path(source)
    if folder.is_dir():
        if not (folder / hparams_file).is_file():
            raise FileNotFoundError(
                f"The folder '{source}' holds no model: there is no "
                f"'{hparams_file}' in it. Give a folder that a training "
                "recipe exported."
            )
    elif isinstance(source, Path) or not re.fullmatch(
        r"https?://.+|[\w-][\w.-]*/[\w-][\w.-]*", source
    ):
        raise FileNotFoundError(
            f"There is no folder '{source}'. Give a folder that holds a "
            "model, or a hub name such as 'user/model'."
        )
