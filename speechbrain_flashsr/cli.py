"""The command `flashsr`: files and folders in, 48 kHz recordings out.

PyTorch is imported once the arguments are known to be valid, so that `--help`
answers at once.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import logging
import os
import sys
from pathlib import Path

from speechbrain_flashsr import __version__, convert_cli

# The formats that are written; the first is the default for other inputs.
FORMATS = ("wav", "flac", "ogg")

# What is looked for in a folder.
AUDIO_EXTENSIONS = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff"),
    *(".aifc", ".au", ".snd", ".caf", ".w64", ".rf64"),
)

SUFFIX = "_48k"
"""What is added to the name of an input."""


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
        parser, work = convert_cli.make_parser(), convert_cli.run
        argv = argv[1:]
    arguments = parser.parse_args(argv)
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
        epilog="`flashsr convert --help`: published checkpoints to models.",
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
    add("--steps", metavar="N", type=int, help="diffusion steps (default: 1)")
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
    add("--precision", choices=("fp32", "bf16", "fp16"), default="fp32")
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
    jobs, problems = plan_jobs(
        arguments.inputs, arguments.output, arguments.format
    )
    for problem in problems:
        _say_error(problem)
    failed = len(problems)
    if jobs:
        _set_up_logging()
        sr = _load_model(arguments)
        for filename, output_filename in jobs:
            try:
                _super_resolve(sr, filename, output_filename, arguments)
            except Exception as error:
                failed += 1
                _say_error(_about(filename, error))
    total = len(jobs) + len(problems)
    if failed and total > 1:
        print(
            f"flashsr: {total - failed} of {total} inputs done, {failed} "
            "failed (see above).",
            file=sys.stderr,
        )
    return 1 if failed else 0


def plan_jobs(inputs, output=None, format=None):
    """Finds the sound files and names their outputs.

    Arguments
    ---------
    inputs : list of Path
        Files and folders.
    output : Path, optional
        File or folder.
    format : str, optional
        One of "wav", "flac", "ogg".

    Returns
    -------
    jobs : list of (Path, Path)
        Inputs and outputs, no two outputs the same.
    problems : list of str
        What cannot be done, and why.

    Example
    -------
    >>> jobs, problems = plan_jobs([Path("a.mp3")], Path("out"))
    >>> [output.as_posix() for _, output in jobs]
    ['out/a_48k.wav']
    """
    jobs, problems = [], []
    to_file = output is not None and output.suffix[1:].lower() in FORMATS
    to_file = to_file and not output.is_dir()
    if to_file and (len(inputs) > 1 or inputs[0].is_dir()):
        raise ValueError(
            f"The output '{output}' is a single file, but there may be many. "
            "Give a folder."
        )
    if to_file and format not in (None, output.suffix[1:].lower()):
        raise ValueError(
            f"The output '{output}' is no {format} file. Leave out --format, "
            "or give a name that ends in it."
        )
    for given in inputs:
        if to_file:
            found = [(given, output)]
        elif given.is_dir():
            found = [
                (path, _output_name(path, given, output, format))
                for path in _find_audio(given, output)
            ]
            if not found:
                problems.append(
                    f"The folder '{given}' holds no sound files "
                    f"({', '.join(AUDIO_EXTENSIONS)}). Check its name."
                )
        else:
            found = [(given, _output_name(given, None, output, format))]
        jobs += found
    return _without_conflicts(jobs, problems)


def _find_audio(folder, output):
    """The sound files below a folder, but not those that we made there."""
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in AUDIO_EXTENSIONS
        and not path.name.startswith(".")
        and path.is_file()
    )
    inputs = {path.with_suffix("") for path in paths}
    return [
        path
        for path in paths
        if not (
            path.stem.endswith(SUFFIX)
            and path.with_name(path.stem[: -len(SUFFIX)]) in inputs
        )
        and not (output is not None and _is_inside(path, output, folder))
    ]


def _is_inside(path, output, folder):
    """Whether a file lies in an output folder that is below the input's."""
    output = output.resolve()
    return output != folder.resolve() and output in path.resolve().parents


def _output_name(path, root, output, format):
    """Name of the output for a file that was found below `root`."""
    extension = format or path.suffix[1:].lower()
    if extension not in FORMATS:
        extension = FORMATS[0]
    name = f"{path.stem}{SUFFIX}.{extension}"
    if output is None:
        return path.with_name(name)
    if root is None:
        return output / name
    return output / path.parent.relative_to(root) / name


def _without_conflicts(jobs, problems):
    """Drops jobs whose output is an input, or that of another job."""
    inputs = {os.path.abspath(path) for path, _ in jobs}
    outputs = {}
    kept = []
    for path, output in jobs:
        key = os.path.abspath(output)
        if key in inputs:
            problems.append(
                f"'{path}': its output '{output}' is one of the inputs. Give "
                "another name with -o."
            )
        elif key in outputs:
            problems.append(
                f"'{path}': its output '{output}' is also that of "
                f"'{outputs[key]}'. Run them one by one, with another -o."
            )
        else:
            outputs[key] = path
            kept.append((path, output))
    return kept, problems


def _load_model(arguments):
    """Imports the interface and loads the model."""
    from speechbrain_flashsr.inference import FlashSR

    run_opts = {
        "precision": arguments.precision,
        "noprogressbar": arguments.quiet,
    }
    if arguments.device is not None:
        run_opts["device"] = arguments.device
    if arguments.batch_windows is not None:
        run_opts["batch_windows"] = arguments.batch_windows
    source = {} if arguments.source is None else {"source": arguments.source}
    return FlashSR.from_hparams(**source, run_opts=run_opts)


def _super_resolve(sr, filename, output_filename, arguments):
    """Does one file, says what was done, and draws it."""
    report = sr.super_resolve_file(
        filename,
        output_filename,
        cutoff=arguments.cutoff,
        seed=arguments.seed,
        num_steps=arguments.steps,
        guidance_scale=arguments.guidance,
        low_band=arguments.low_band,
        subtype=arguments.subtype,
    )
    if not arguments.quiet:
        edges = sorted({edge for edge in report.cutoff_hz if edge})
        found = " and ".join(f"{edge / 1000:.2f}" for edge in edges)
        print(
            f"{output_filename}: {report.num_samples / report.sample_rate:.2f}"
            f" s at {report.sample_rate} Hz, "
            + (f"restored above {found} kHz" if edges else "nothing restored")
        )
    if arguments.plot:
        from speechbrain_flashsr.plotting import plot_before_after

        picture = output_filename.with_suffix(".png")
        plot_before_after(
            filename, output_filename, picture, report.cutoff_hz[0]
        )
        if not arguments.quiet:
            print(f"{picture}: before and after")


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


def _say_error(message):
    print(f"flashsr: error: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
