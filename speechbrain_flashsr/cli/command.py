"""The command `flashsr`: files and folders in, 48 kHz recordings out.

PyTorch is imported once the arguments are known to be valid, so that `--help`
answers at once.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from speechbrain_flashsr import __version__
from speechbrain_flashsr.cli import batches, convert
from speechbrain_flashsr.cli.jobs import FORMATS, SUFFIX, plan_jobs


def main(argv=None):
    """Runs the command.

    Arguments
    ---------
    argv : list of str, optional
        Arguments; default: those of the process.

    Returns
    -------
    int
        0 if all went well, 1 if an input failed or nothing could be done,
        130 if interrupted.
    """
    argv = sys.argv[1:] if argv is None else argv
    parser, work = make_parser(), run
    if argv[:1] == ["convert"]:
        parser, work = convert.make_parser(), convert.run
        argv = argv[1:]
    arguments = parser.parse_args(argv)
    if threading.current_thread() is threading.main_thread():
        # Ends as on Ctrl-C: nothing half-written is left behind.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return work(arguments)
    except KeyboardInterrupt:
        print("flashsr: interrupted.", file=sys.stderr)
        return 130
    except Exception as error:
        _say_error(_message(error))
        return 1


def make_parser():
    """Describes the arguments.

    Returns
    -------
    argparse.ArgumentParser

    Example
    -------
    >>> make_parser().parse_args(["call.wav"]).steps is None
    True
    """
    parser = argparse.ArgumentParser(
        prog="flashsr",
        description="Restores the high band of recordings of speech, music "
        "and sound effects. Any rate from 4 kHz, any length and number of "
        "channels goes in; 48 kHz comes out.",
        epilog="A folder is taken up where an interrupted run stopped: what "
        "is done, with the same settings, is not done again. Several processes "
        "share it: `torchrun --nproc-per-node 4 -m speechbrain_flashsr.cli "
        "TREE -o OUT`. `flashsr convert --help`: published checkpoints to "
        "models.",
    )
    add = parser.add_argument
    add("--version", action="version", version=f"%(prog)s {__version__}")
    add(
        "inputs",
        metavar="INPUT",
        nargs="+",
        type=Path,
        help="sound file, or folder that is searched through",
    )
    add(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        help="name of the output of a single file (.wav, .flac or .ogg), or "
        "a folder, in which the tree of an input folder is repeated; "
        f"default: NAME{SUFFIX}.EXT beside each input",
    )
    add("--format", choices=FORMATS, help="default: the input's, else wav")
    add(
        "--subtype",
        help="sample format, such as PCM_16, PCM_24 or FLOAT; default: the "
        "bit depth of the input",
    )
    add(
        "--cutoff",
        metavar="HZ",
        type=float,
        help="where the input's band ends; default: detected",
    )
    add("--seed", type=int, default=0, help="of the noise (default: 0)")
    add(
        "--steps",
        metavar="N",
        type=int,
        help="diffusion steps (default: that of the model; 1 for the one that "
        "ships)",
    )
    add(
        "--guidance",
        metavar="S",
        type=float,
        help="classifier-free guidance (default: that of the model)",
    )
    add(
        "--low-band",
        choices=("input", "model"),
        default="input",
        help="below the cut-off keep the input (default), or take the raw "
        "output of the model",
    )
    add(
        "--source",
        metavar="MODEL",
        help="folder or hub name of a model (default: the one that ships)",
    )
    add("--device", help="such as cpu or cuda:0 (default: the best there is)")
    add(
        "--precision",
        choices=("fp32", "bf16", "fp16"),
        default="fp32",
        help="fp32 (default); bf16 is faster on CPUs with AMX or AVX512-BF16 "
        "and on GPUs, fp16 takes a GPU",
    )
    add(
        "--compile",
        action="store_true",
        help="leave the model to torch.compile on a GPU, its activations "
        "alone on a CPU; takes a C++ compiler and half a minute first",
    )
    add(
        "--batch-windows",
        metavar="N",
        type=int,
        help="windows that the model gets together (default: 1 on a CPU, 8 "
        "on a GPU)",
    )
    add(
        "--plot",
        action="store_true",
        help="draw the spectrograms before and after as a PNG beside the "
        "output",
    )
    add("--quiet", action="store_true", help="only warn and report errors")
    return parser


def run(arguments):
    """Does what the arguments ask for.

    Arguments
    ---------
    arguments : argparse.Namespace
        See :func:`make_parser`.

    Returns
    -------
    int
        0 if all went well, otherwise 1.
    """
    group = batches.join_group()
    jobs, problems = plan_jobs(
        arguments.inputs, arguments.output, arguments.format
    )
    if group.rank > 0:
        problems = []  # all find the same, the first process tells
    for problem in problems:
        _say_error(problem)
    tally = batches.Tally(failed=len(problems))
    jobs = batches.share(jobs, group)
    if jobs:
        _set_up_logging()
        # The bars of several processes would tear each other apart.
        _do(jobs, tally, arguments, progressbar=group.size == 1)
    tally = batches.gather(tally, group)
    if tally is None:
        return 0  # after anything else torchrun would end the other processes
    if tally.failed and tally.total > 1:
        print(f"flashsr: {tally}", file=sys.stderr)
    elif tally.total > 1 and not arguments.quiet:
        _say(f"flashsr: {tally}")
    return 1 if tally.failed else 0


def _do(jobs, tally, arguments, progressbar):
    """Does the jobs, but not those that an earlier run has done."""
    options = {
        "cutoff": arguments.cutoff,
        "seed": arguments.seed,
        "num_steps": arguments.steps,
        "guidance_scale": arguments.guidance,
        "low_band": arguments.low_band,
        "subtype": arguments.subtype,
    }
    settings = {**options, "precision": arguments.precision}
    if any(job.note for job in jobs):
        settings["model"] = _digest_of_model(arguments)
    notes = batches.Notes(settings)
    sr = None
    for job in jobs:
        try:
            if notes.is_done(job) and not (
                arguments.plot and _picture_is_missing(job)
            ):
                tally.earlier += 1
                continue
        except OSError as error:
            tally.failed += 1
            _say_error(_about(job.filename, error))
            continue
        if sr is None:
            sr = _load_model(arguments, progressbar)
        try:
            notes.begin(job)
            _super_resolve(sr, job, options, arguments)
            tally.done += 1
        except Exception as error:
            tally.failed += 1
            _say_error(_about(job.filename, error))


def _digest_of_model(arguments):
    """What tells the model from another."""
    from speechbrain_flashsr.inference.super_resolution import SHIPPED_MODEL

    return batches.digest_of_model(arguments.source or SHIPPED_MODEL)


def _load_model(arguments, progressbar):
    """Imports the interface and loads the model."""
    from speechbrain_flashsr.inference import FlashSR

    run_opts = {
        "precision": arguments.precision,
        "noprogressbar": arguments.quiet or not progressbar,
        "compile": arguments.compile,
    }
    if arguments.device is not None:
        run_opts["device"] = arguments.device
    if arguments.batch_windows is not None:
        run_opts["batch_windows"] = arguments.batch_windows
    source = {} if arguments.source is None else {"source": arguments.source}
    return FlashSR.from_hparams(**source, run_opts=run_opts)


def _super_resolve(sr, job, options, arguments):
    """Does one file, says what was done, and draws it."""
    report = sr.super_resolve_file(job.filename, job.output_filename, **options)
    if not arguments.quiet:
        edges = sorted(edge for edge in report.cutoff_hz if edge)
        found = " and ".join(
            dict.fromkeys(f"{edge / 1000:.2f}" for edge in edges)
        )
        _say(
            f"{job.output_filename}: {report.num_samples / report.sample_rate:.2f}"
            f" s at {report.sample_rate} Hz, "
            + (f"restored above {found} kHz" if edges else "nothing restored")
        )
    if arguments.plot:
        from speechbrain_flashsr.cli.pictures import plot_before_after

        picture = _picture(job)
        plot_before_after(
            job.filename, job.output_filename, picture, report.cutoff_hz[0]
        )
        if not arguments.quiet:
            _say(f"{picture}: before and after")


def _picture(job):
    """Name of the spectrograms of a job."""
    return job.output_filename.with_name(f"{job.output_filename.name}.png")


def _picture_is_missing(job):
    """Whether there are no spectrograms, or those of an earlier output."""
    picture, output = _picture(job), job.output_filename
    return (
        not picture.exists()
        or picture.stat().st_mtime_ns < output.stat().st_mtime_ns
    )


def _set_up_logging():
    """Shows what the interface says as plain lines, between progress bars."""
    from tqdm import tqdm

    class Handler(logging.Handler):
        """Writes records without tearing progress bars apart."""

        def emit(self, record):
            tqdm.write(f"flashsr: {record.getMessage()}", file=sys.stderr)

    package = logging.getLogger("speechbrain_flashsr")
    package.handlers = [Handler()]
    package.propagate = False
    package.setLevel(logging.WARNING)


def _about(filename, error):
    """An error's message, which names the file."""
    text = _message(error)
    return text if str(filename) in text else f"'{filename}': {text}"


def _message(error):
    """An error in one line: what we did not foresee comes with its kind."""
    text = " ".join(str(error).split())
    if isinstance(error, ValueError | OSError) and text:
        return text
    return f"{type(error).__name__}: {text}"


def _say(message):
    """Prints, whatever the names in it are made of and the terminal knows; if
    nobody reads any longer, the work goes on all the same."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(
            message.encode(encoding, "backslashreplace").decode(encoding),
            flush=True,
        )
    except BrokenPipeError:
        # Python would fail once more when it flushes at its end.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _say_error(message):
    print(f"flashsr: error: {message}", file=sys.stderr)
