"""Fine-tunes a pretrained folder on any folder of recordings.

To run it:
> python finetune.py --data_folder=my_recordings --domain=speech \
>     --output_folder=OUT [--source=FOLDER] [--minutes=30]

The recordings are measured and prepared, and a tenth of them is held out. The
vocoder is trained on the rest, and OUT/pretrained is written. A score on the
held-out recordings compares it with the old model. Run again, it continues.
Unknown options are passed on to the training (`--precision=bf16`,
`--device=cuda`).

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

import speechbrain as sb
import torch
from speechbrain.dataio.dataio import read_audio

from speechbrain_flashsr import SHIPPED_MODEL
from speechbrain_flashsr.brains.recipe import parse_known_arguments
from speechbrain_flashsr.checkpoints import read_checkpoint
from speechbrain_flashsr.checkpoints.export import (
    export_with_weights,
    find_weights,
)
from speechbrain_flashsr.checkpoints.reading import digest_of_model
from speechbrain_flashsr.data.degradations import low_pass
from speechbrain_flashsr.inference import FlashSR
from speechbrain_flashsr.metrics import spectral

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "prepare"))

from folder_prepare import prepare_folder  # noqa: E402

STARTED_FROM = "source.sha256"
"""File in the output folder with the digest of the model at the start."""

CUTOFFS_HZ = (4000, 8000)
"""Cut-offs at which the held-out recordings are scored."""


def parse_arguments(arguments):
    """Reads the command line; returns the options and the unknown ones."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--data_folder", required=True, help="the recordings")
    add(
        "--domain",
        required=True,
        choices=("speech", "music", "effects"),
        help="kind of the recordings",
    )
    add("--output_folder", required=True, help="for all that is written")
    add(
        "--source",
        default=SHIPPED_MODEL,
        help="folder of the model to fine-tune (default: the one that ships)",
    )
    add(
        "--hparams",
        default=HERE / "hparams" / "finetune" / "train_sr_vocoder.yaml",
        help="of the training",
    )
    add("--minutes", type=float, help="of training; default: all epochs")
    return parse_known_arguments(parser, arguments)


def finetune(options, passed_on):
    """Prepares, trains and exports by the options of :func:`parse_arguments`
    and the arguments of the training; returns the new pretrained folder."""
    source = pathlib.Path(options.source).resolve()
    files = {
        "autoencoder_file": find_weights(source, "autoencoder"),
        "student_file": find_weights(source, "unet"),
        "vocoder_file": find_weights(source, "vocoder"),
    }
    output = pathlib.Path(options.output_folder)
    output.mkdir(parents=True, exist_ok=True)
    start, digest = output / STARTED_FROM, digest_of_model(source)
    if start.exists() and start.read_text() != digest:
        raise ValueError(
            f"'{output}' holds the fine-tuning of another model than "
            f"'{source}'. Use another output_folder."
        )
    start.write_text(digest)
    data = output / "data"
    prepare_folder(
        options.data_folder,
        data,
        *(data / f"{split}.json" for split in ("train", "dev", "test")),
        domain=options.domain,
        test_fraction=0.0,
    )
    command = [
        sys.executable,
        str(HERE / "train_sr_vocoder.py"),
        str(options.hparams),
        f"--data_folder={data}",
        f"--output_folder={output / 'sr_vocoder'}",
        *(f"--{name}={path}" for name, path in files.items()),
    ]
    if options.minutes is not None:
        command.append(f"--max_minutes={options.minutes}")
    # An `!include:` takes ASCII alone, which the name of the source may not be.
    with tempfile.TemporaryDirectory() as folder:
        model = shutil.copy(source / "hyperparams.yaml", folder)
        command.append(f"--model=!include:{urllib.parse.quote(model)}")
        subprocess.run(command + passed_on, check=True)
    state = read_checkpoint(output / "sr_vocoder" / "vocoder.ckpt")
    return export_with_weights(
        output / "pretrained", source, {"vocoder": state}
    )


@torch.no_grad()
def score(source, data, run_opts):
    """Log-spectral distance above the cut-off on the held-out recordings of a
    model, or of the band-limited input if there is none: {cut-off in Hz: mean
    over the recordings}."""
    flashsr = None
    if source is not None:
        flashsr = FlashSR.from_hparams(source=source, run_opts=run_opts)
    entries = json.loads((data / "dev.json").read_text(encoding="utf-8"))
    distances = {cutoff_hz: [] for cutoff_hz in CUTOFFS_HZ}
    for entry in entries.values():
        path = entry["wav"].replace("{data_root}", str(data))
        high = read_audio(
            {"file": path, "start": entry["start"], "stop": entry["stop"]}
        )
        for cutoff_hz in CUTOFFS_HZ:
            low = low_pass(high.numpy(), entry["sample_rate"], cutoff_hz)
            wavs = torch.from_numpy(low.copy()).float()[None]
            if flashsr is not None:
                wavs = flashsr.super_resolve_batch(
                    wavs, sample_rate=entry["sample_rate"], cutoff=cutoff_hz
                ).cpu()
            distance = spectral.lsd(
                wavs.double(),
                high.double()[None],
                cutoff_hz,
                entry["rolloff_hz"],
            )
            distances[cutoff_hz].append(distance)
    return {
        cutoff_hz: torch.cat(values).nanmean().item()
        for cutoff_hz, values in distances.items()
    }


def report(source, finetuned, data, run_opts):
    """A table: is the fine-tuned model better on the held-out recordings?"""
    lines = [
        "Log-spectral distance above the cut-off, held-out recordings:",
        f"{'':12}" + "".join(f"{c / 1000:6g} kHz" for c in CUTOFFS_HZ),
    ]
    for name, model in (
        ("input", None),
        ("before", source),
        ("fine-tuned", finetuned),
    ):
        values = score(model, data, run_opts)
        lines.append(
            f"{name:12}" + "".join(f"{values[c]:10.3f}" for c in CUTOFFS_HZ)
        )
    return "\n".join(lines)


def main(arguments=None):
    """Runs the command line; known errors are one line each."""
    options, passed_on = parse_arguments(arguments)
    try:
        folder = finetune(options, passed_on)
    except (OSError, RuntimeError, ValueError) as error:
        sys.exit(f"error: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {error.cmd[1]} failed (see above)")
    _, run_opts, _ = sb.parse_arguments([str(options.hparams), *passed_on])
    run_opts = {"device": run_opts.device}
    data = pathlib.Path(options.output_folder) / "data"
    print(report(options.source, folder, data, run_opts))
    print(f"Exported to {folder}")


if __name__ == "__main__":
    main()
