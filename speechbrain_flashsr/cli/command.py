"""The command `flashsr`: files and folders in, 48 kHz recordings out.

PyTorch is imported once the arguments are known to be valid, so that `--help`
answers at once.

Authors
 * The speechbrain_flashsr developers 2026
"""

import signal
import sys
import threading

from speechbrain_flashsr.cli import app, arguments, batches, convert, export
from speechbrain_flashsr.cli.messages import (
    protect_streams,
    say_error,
    show_warnings,
)

SUBCOMMANDS = {"app": app, "convert": convert, "export": export}
"""Modules of the first arguments that do not name an input."""


def main(argv=None):
    """Runs the command with arguments, by default those of the process, whose
    streams are then protected. Returns 0 if all went well, 1 if an input failed
    or nothing could be done, 130 if interrupted."""
    if argv is None:
        argv = sys.argv[1:]
        protect_streams()
    if argv and argv[0] in SUBCOMMANDS:
        module = SUBCOMMANDS[argv[0]]
        parsed, run = module.make_parser().parse_args(argv[1:]), module.run
    else:
        parsed, run = arguments.make_parser().parse_args(argv), batches.run
    _handle_signals()
    show_warnings()
    try:
        return run(parsed)
    except KeyboardInterrupt:
        print("flashsr: interrupted.", file=sys.stderr)
        return 130
    except Exception as error:
        say_error(error)
        return 1


def _handle_signals():
    """Handles termination signals like Ctrl-C: no partial files stay."""
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # `nohup` has SIGHUP ignored, which stays so.
        if number and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
