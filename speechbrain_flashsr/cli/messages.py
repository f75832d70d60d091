"""Messages of the command, on streams that may be closed or full.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import logging
import os
import sys
import traceback


class PatientStream:
    """A text stream that drops text which cannot be written, because nobody
    reads it any longer, its disk is full, or the stream is missing.

    Example
    -------
    >>> PatientStream(None).write("nobody reads this")
    17
    """

    def __init__(self, stream):
        self.stream = stream or open(os.devnull, "w")
        self.stream.reconfigure(errors="backslashreplace")

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        """Writes if possible."""
        with contextlib.suppress(OSError):
            self.stream.write(text)
        return len(text)

    def flush(self):
        """Flushes if possible."""
        with contextlib.suppress(OSError):
            self.stream.flush()


def protect_streams():
    """Makes standard output and error patient, even if they are closed."""
    # Numbers of closed streams must not go to sound files: libraries print.
    while os.open(os.devnull, os.O_RDWR) < 2:
        pass
    sys.stdout = PatientStream(sys.stdout)
    sys.stderr = PatientStream(sys.stderr)


def show_warnings():
    """Shows the interface's warnings as plain lines, between progress bars."""

    def emit(record):
        from tqdm import tqdm

        tqdm.write(f"flashsr: {record.getMessage()}", file=sys.stderr)

    handler = logging.Handler()
    handler.emit = emit
    package = logging.getLogger("speechbrain_flashsr")
    package.handlers = [handler]
    package.propagate = False
    package.setLevel(logging.WARNING)


def say(message):
    """Prints a line at once."""
    print(message, flush=True)


def say_error(error, about=None):
    """Prints an error, text or exception, in one line with the name of the file
    that it concerns; of an unforeseen exception, its traceback comes first."""
    text = " ".join(str(error).split())
    foreseen = isinstance(error, str | ValueError | OSError)
    if not foreseen:
        traceback.print_exception(error)
    if not foreseen or not text:
        text = f"{type(error).__name__}: {text}"
    if about is not None and str(about) not in text:
        text = f"'{about}': {text}"
    print(f"flashsr: error: {text}", file=sys.stderr)


def describe(report):
    """Describes a file that is done in a line, by its FileReport."""
    cutoffs = sorted(hz for hz in report.cutoff_hz if hz)
    found = " and ".join(dict.fromkeys(f"{hz / 1000:.2f}" for hz in cutoffs))
    if any(len(track.segments) > 1 for track in report.tracks):
        done = "; ".join(
            f"channel {number}: {track.summary()}"
            for number, track in enumerate(report.tracks, 1)
        )
    elif cutoffs:
        done = f"restored above {found} kHz"
    else:
        done = "nothing restored"
    return (
        f"{report.output_filename}: "
        f"{report.num_samples / report.sample_rate:.2f} s at "
        f"{report.sample_rate} Hz, {done}"
    )
