"""Errors, and checks of samples, sample rates and names of files.

Errors name the value and the remedy.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import re

LOWEST_RATE = 4000
HIGHEST_RATE = 768000
"""Limits of an input's sample rate, in Hz."""


class AudioError(ValueError):
    """Input that cannot be super-resolved, or output that cannot be written.
    The message, one line, names the offending value and the remedy."""

    def __init__(self, message):
        super().__init__(" ".join(str(message).splitlines()))


class DecodeError(Exception):
    """A file cannot be decoded, or not to its end."""


def reason(error):
    """The message of a system's or library's error, without the file's name."""
    if isinstance(error, FileExistsError):
        return f"'{error.filename}' is not a folder"
    text = getattr(error, "strerror", None) or str(error)
    return re.sub(r"^Error opening .*?: ", "", text).strip().rstrip(".")


def check_sample_rate(sample_rate, name="the recording"):
    """Returns a sample rate in Hz as an integer; raises an AudioError if it is
    not one, or not between 4 and 768 kHz."""
    try:
        whole = int(sample_rate)
        valid = whole == sample_rate and not isinstance(sample_rate, bool)
    except (TypeError, ValueError, OverflowError):
        valid = False
    if not valid:
        raise AudioError(
            f"The sample rate of {name} is {sample_rate!r}, which is not an "
            "integer. Pass it in Hz, for example 16000."
        )
    if not LOWEST_RATE <= whole <= HIGHEST_RATE:
        raise AudioError(
            f"The sample rate of {name} is {whole} Hz, which is not between "
            f"{LOWEST_RATE} and {HIGHEST_RATE} Hz. Resample it first, or "
            "correct the rate if it was declared wrongly."
        )
    return whole


def check_finite(
    block,
    sample_rate,
    name,
    start=0,
    remedy="Replace samples that are NaN or infinite, for example by 0.",
):
    """Raises an AudioError if a sample of [channels, time] is NaN or infinite.

    The message says whose it is (`name`) and when, the block being at position
    `start` in samples, and what to do (`remedy`)."""
    finite = block.isfinite()
    if finite.all():
        return
    channel, index = (~finite).nonzero()[0].tolist()
    raise AudioError(
        f"{name[0].upper()}{name[1:]} has the sample "
        f"{block[channel, index].item()} at "
        f"{(start + index) / sample_rate:.3f} s in channel {channel + 1}. "
        f"{remedy}"
    )


def check_output_name(filename, output_filename):
    """Raises an AudioError if an output's name is not one, or is that of its
    input, which may also be bytes or an open file."""
    if not isinstance(output_filename, str | os.PathLike) or "\0" in os.fspath(
        output_filename
    ):
        raise AudioError(
            f"The output {output_filename!r} is not a name. Pass a string or a "
            "Path."
        )
    named = isinstance(filename, str | os.PathLike)
    if (
        named
        and os.path.exists(output_filename)
        and os.path.samefile(filename, output_filename)
    ):
        raise AudioError(
            f"The output '{output_filename}' is the input itself. Choose "
            "another name."
        )
