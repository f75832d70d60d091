"""Measures the word error rate with super-resolution in front of a recogniser.

To run it:
> python word_error_rate.py hparams/pocketsphinx.yaml --data_folder=...

Recorded prompts are recognised at 16 kHz, at 8 kHz resampled, at 8 kHz through
FlashSR, and the same two after G.711 telephone coding. The hypotheses of each
condition are written to `<condition>.json`, and an interrupted run goes on from
there, if data and model are the same; `results.json` and `results.md` hold the
word error rates with 95 % intervals of a paired bootstrap over the prompts.

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv
import json
import sys
import time
from pathlib import Path

import av
import numpy as np
import soundfile
import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.dataio.preprocess import AudioNormalizer
from speechbrain.utils.metric_stats import ErrorRateStats
from tqdm import tqdm

from speechbrain_flashsr import SHIPPED_MODEL, __version__
from speechbrain_flashsr.audio.codecs import code
from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.brains.recipe import parse_arguments
from speechbrain_flashsr.checkpoints.reading import digest_of_model
from speechbrain_flashsr.data.manifest import write_json
from speechbrain_flashsr.inference import FlashSR, SuperResolutionFrontEnd

WIDE, NARROW = 16000, 8000

CONDITIONS = {
    "wide": "16 kHz",
    "plain": "8 kHz, plainly resampled",
    "flashsr": "8 kHz, FlashSR",
    "g711_plain": "8 kHz G.711, plainly resampled",
    "g711_flashsr": "8 kHz G.711, FlashSR",
}


def read_prompt(path):
    """Reads a prompt as 16 kHz mono; raw G.722 has no header."""
    if Path(path).suffix == ".g722":
        with av.open(str(path), format="g722") as container:
            frames = [f.to_ndarray()[0] for f in container.decode(audio=0)]
        return torch.from_numpy(np.concatenate(frames) / 2**15).float()
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return AudioNormalizer(WIDE)(torch.from_numpy(samples), rate)


def telephone(wav):
    """Codes and decodes [time] at 8 kHz by G.711 (mu-law)."""
    return torch.from_numpy(code(wav.numpy(), NARROW, "g711")).float()


def heard(condition, wav, front_end):
    """Makes the recogniser's input from a 16 kHz prompt [time]."""
    if condition == "wide":
        return wav
    narrow = Resampler(WIDE, NARROW)(wav[None])[0]
    if condition.startswith("g711"):
        narrow = telephone(narrow)
    if condition.endswith("flashsr"):
        return front_end(narrow, NARROW)
    return front_end.normalizer(narrow, NARROW)


class PocketSphinx:
    """The recogniser of PyPI's `pocketsphinx` with the model it ships.

    Means are taken over each utterance and the estimate of the noise is reset,
    so that utterances do not influence each other."""

    def __init__(self):
        from pocketsphinx import Decoder

        self.decoder = Decoder(samprate=WIDE, cmn="batch", loglevel="FATAL")

    def __call__(self, wav):
        """Words of [time] at 16 kHz, in lower case."""
        samples = (wav.clamp(-1, 1) * 32767).round().to(torch.int16)
        self.decoder.reinit_feat()
        self.decoder.start_utt()
        self.decoder.process_raw(samples.numpy().tobytes(), full_utt=True)
        self.decoder.end_utt()
        hypothesis = self.decoder.hyp()
        return hypothesis.hypstr.lower().split() if hypothesis else []


def list_prompts(data_folder, transcripts, max_prompts):
    """Reads {relative path: words, or None without a transcript}."""
    if transcripts is not None:
        with open(transcripts, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        prompts = {row["file"]: row["transcript"].split() for row in rows}
    else:
        folder = Path(data_folder)
        files = sorted(
            path
            for path in folder.rglob("*")
            if path.suffix in (".g722", ".wav")
        )
        prompts = {str(path.relative_to(folder)): None for path in files}
    if not prompts:
        raise ValueError(
            f"There are no prompts in '{transcripts or data_folder}'. Pass "
            "the folder that `dpkg -x` made, see README.md."
        )
    return dict(list(prompts.items())[:max_prompts])


def recognise(prompts, front_end, hparams):
    """Hypotheses: condition -> relative path -> list of words."""
    folder = Path(hparams["output_folder"])
    files = {name: folder / f"{name}.json" for name in hparams["conditions"]}
    keys = {name: key_of(name, front_end, hparams) for name in files}
    hypotheses = {
        name: read_hypotheses(files[name], keys[name]) for name in files
    }
    recogniser = PocketSphinx()
    spent = seconds = 0.0
    for name in tqdm(prompts):
        wav = read_prompt(Path(hparams["data_folder"]) / name)
        for condition, known in hypotheses.items():
            if name in known:
                continue
            start = time.perf_counter()
            wav16 = heard(condition, wav, front_end)
            if condition.endswith("flashsr"):
                spent += time.perf_counter() - start
                seconds += len(wav) / WIDE
            known[name] = recogniser(wav16)
            content = {"key": keys[condition], "hypotheses": known}
            write_json(files[condition], content)
    if seconds:
        print(f"FlashSR took {spent / seconds:.2f} s per second of sound")
    return {
        condition: {name: known[name] for name in prompts}
        for condition, known in hypotheses.items()
    }


def key_of(condition, front_end, hparams):
    """Everything but the prompt on which a condition's hypotheses depend."""
    key = [__version__, str(Path(hparams["data_folder"]).resolve())]
    if condition.endswith("flashsr"):
        flashsr = front_end.flashsr
        key += [digest_of_model(hparams["source"] or SHIPPED_MODEL)]
        key += [flashsr.precision, str(flashsr.device)]
    return key


def read_hypotheses(file, key):
    """The hypotheses in a file, if they were made with the same key."""
    content = json.loads(file.read_text()) if file.exists() else {}
    return content["hypotheses"] if content.get("key") == key else {}


def score(hypotheses, references):
    """Errors and reference words of each prompt, and the rate."""
    stats = ErrorRateStats()
    names = list(references)
    stats.append(
        names,
        [hypotheses[name] for name in names],
        [references[name] for name in names],
    )
    rate = stats.summarize("WER") / 100
    errors = np.array([entry["num_edits"] for entry in stats.scores])
    words = np.array([entry["num_ref_tokens"] for entry in stats.scores])
    return rate, errors, words


def bootstrap(errors, words, samples, seed):
    """Draws prompts repeatedly; returns the rate of each draw, [samples]."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(len(words), size=(samples, len(words)))
    return errors[draws].sum(1) / words[draws].sum(1)


def interval(values):
    """The middle 95 % of the draws."""
    return [float(value) for value in np.percentile(values, [2.5, 97.5])]


def summarise(hypotheses, references, hparams):
    """Rates, intervals, and the share of the gap that FlashSR wins back."""
    rates, draws, results = {}, {}, {}
    for condition, words in hypotheses.items():
        rates[condition], errors, counts = score(words, references)
        draws[condition] = bootstrap(
            errors, counts, hparams["bootstrap_samples"], hparams["seed"]
        )
        results[condition] = {
            "wer": rates[condition],
            "interval": interval(draws[condition]),
        }
    for prefix in ("", "g711_"):
        plain, flashsr = f"{prefix}plain", f"{prefix}flashsr"
        if "wide" not in rates or not {plain, flashsr} <= set(rates):
            continue
        gap = rates[plain] - rates["wide"]
        results[flashsr] |= {
            "change": rates[flashsr] - rates[plain],
            # The same draws of prompts for both: a paired bootstrap.
            "change_interval": interval(draws[flashsr] - draws[plain]),
            "gap_won_back": (rates[plain] - rates[flashsr]) / gap
            if gap > 0
            else None,
        }
    return results


def as_table(results):
    """The results as Markdown."""
    lines = [
        "| input | word error rate | change by FlashSR | gap won back |",
        "| --- | --- | --- | --- |",
    ]
    for condition, result in results.items():
        low, high = result["interval"]
        change = won = ""
        if "change" in result:
            start, end = result["change_interval"]
            change = f"{result['change']:+.3f} ({start:+.3f} to {end:+.3f})"
            if result["gap_won_back"] is not None:
                won = f"{100 * result['gap_won_back']:.0f} %"
        lines.append(
            f"| {CONDITIONS[condition]} | {result['wer']:.3f} "
            f"({low:.3f} to {high:.3f}) | {change} | {won} |"
        )
    return "\n".join(lines) + "\n"


def main(argv):
    hparams_file, run_opts, overrides = parse_arguments(argv)
    with open(hparams_file, encoding="utf-8") as file:
        hparams = load_hyperpyyaml(file, overrides)
    sb.create_experiment_directory(
        experiment_directory=hparams["output_folder"],
        hyperparams_to_save=hparams_file,
        overrides=overrides,
    )
    prompts = list_prompts(
        hparams["data_folder"], hparams["transcripts"], hparams["max_prompts"]
    )
    flashsr = FlashSR.from_hparams(
        hparams["source"] or SHIPPED_MODEL, run_opts=run_opts
    )
    front_end = SuperResolutionFrontEnd(flashsr, sample_rate=WIDE)
    hypotheses = recognise(prompts, front_end, hparams)
    references = prompts
    if None in prompts.values():
        # Prompts without a recognised word could not be scored.
        references = {
            name: words for name, words in hypotheses["wide"].items() if words
        }
    results = summarise(hypotheses, references, hparams)
    count = sum(len(words) for words in references.values())
    folder = Path(hparams["output_folder"])
    write_json(folder / "results.json", results)
    (folder / "results.md").write_text(as_table(results), encoding="utf-8")
    print(f"{len(references)} prompts, {count} words")
    print(as_table(results))


if __name__ == "__main__":
    main(sys.argv[1:])
