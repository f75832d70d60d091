"""The evaluation script on seconds of sound.

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv
import json
import shutil

import numpy as np
import pytest
import soundfile
import torch

from tests.recipes import training
from tests.recipes.evaluation import evaluate, recipe_module
from tests.tiny_model import save_tiny_model

CUTOFFS = (4000, 8000)


def read_csv(output):
    with open(output / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def read_json(output):
    return json.loads((output / "results.json").read_text())


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A corpus: clip1 has nothing above 8 kHz, clip2 is too short."""
    data = tmp_path_factory.mktemp("data")
    training.write_corpus(data, seconds=1.0)
    entries = json.loads((data / "test.json").read_text())
    entries["clip1"]["rolloff_hz"] = 8500
    entries["clip2"]["duration"] = 0.4
    entries["clip0"]["group"] = "zero"
    (data / "test.json").write_text(json.dumps(entries))
    return data


def evaluate_ours(project, output, data, model, **options):
    """Evaluates a model, as the system "ours"."""
    evaluate(
        project,
        output,
        data_folder=data,
        cutoffs=list(CUTOFFS),
        systems=f"[ours: {{model: '{model}'}}]",
        **options,
    )


@pytest.fixture(scope="module")
def results(project, data, tmp_path_factory):
    """The folder of results for all kinds of systems."""
    output = tmp_path_factory.mktemp("output")
    model = save_tiny_model(tmp_path_factory.mktemp("model"))
    inputs = output / "inputs"
    evaluate_ours(project, output, data, model, inputs_folder=inputs)
    return output


def test_every_clip_that_can_be_judged_is_scored_once(results):
    rows = read_csv(results)
    found = {(r["id"], int(r["cutoff_hz"]), r["system"]) for r in rows}
    assert len(found) == len(rows)
    expected = {
        (clip, cutoff, system)
        for clip in ("clip0", "clip1", "clip3", "clip4", "clip5")
        for cutoff in CUTOFFS
        for system in ("original", "input", "ours")
        if (clip, cutoff) != ("clip1", 8000)  # nothing above the cut-off
    }
    assert found == expected
    assert read_json(results)["left_out"] == {"too_short": 1, "no_high_band": 1}


def test_systems_score_as_they_must(results):
    cell = read_json(results)["summary"]["speech"]["4000"]
    assert list(cell) == ["original", "input", "ours"]
    assert cell["input"]["clips"] == 2
    mean = {
        system: {
            name: v["mean"] for name, v in values.items() if name != "clips"
        }
        for system, values in cell.items()
    }
    for name in ("lsd", "level_bias", "level_error"):
        assert mean["original"][name] == 0
    assert mean["original"]["envelope_correlation"] == pytest.approx(1)
    assert mean["input"]["lsd_above"] > 3
    assert mean["input"]["level_bias"] < -40
    assert mean["input"]["level_error"] == -mean["input"]["level_bias"]
    assert mean["input"]["lsd_below"] < 0.3
    assert mean["ours"]["level_error"] < mean["input"]["level_error"]
    assert mean["ours"]["lsd_below"] < 0.5  # the crossover begins there


@pytest.mark.parametrize(
    "ours, share", [(4.0, 75.0), (1.0, 0.0), (0.0, -25.0), (None, None)]
)
def test_share_of_the_way_from_the_input_to_the_original(project, ours, share):
    scoring = recipe_module(project, "scoring")
    values = {"original": 5.0, "input": 1.0, "ours": ours}
    rows = [
        {
            "id": "clip",
            "domain": "speech",
            "cutoff_hz": 4000,
            "system": system,
            "visqol": float("nan") if value is None else value,
        }
        for system, value in values.items()
    ]
    summary = scoring.summarise(rows, ["visqol", "visqol_won"])
    cells = summary["speech"]["4000"]
    assert cells["ours"]["visqol_won"]["mean"] == share
    assert cells["original"]["visqol_won"]["mean"] == 100


def test_metrics_whose_packages_are_missing_get_one_note(project, monkeypatch):
    scoring = recipe_module(project, "scoring")
    monkeypatch.setitem(scoring.perceptual.PACKAGES, "visqol", ("no_such",))
    monkeypatch.setitem(scoring.perceptual.PACKAGES, "p808", ("no_such",))
    names, missing = scoring.choose_metrics(["perceptual", "spectral"])
    assert names == scoring.SETS["spectral"]
    results = {
        "left_out": {"too_short": 0, "no_high_band": 0},
        "missing": missing,
        "refused": [],
    }
    (note,) = recipe_module(project, "tables").notes(results)
    assert note.count("no_such") == 1
    assert "ViSQOL" in note and "P.808" in note and "[evaluate]" in note


def test_clips_are_drawn_from_as_many_groups_as_possible(project):
    clips = recipe_module(project, "clips")
    members = [
        clips.Clip(f"{group}{i}", "music", group, "", 0, 1, 5.0, 2e4)
        for group, count in {"a": 20, "b": 1, "c": 2}.items()
        for i in range(count)
    ]
    hparams = {"seed": 0, "domains": ["music"], "min_seconds": 1}
    for count, expected in ((3, "abc"), (5, "aabcc"), (6, "aaabcc")):
        chosen, _ = clips.choose_clips(members, {**hparams, "max_clips": count})
        assert "".join(sorted(clip.group for clip in chosen)) == expected
    chosen, _ = clips.choose_clips(members, {**hparams, "max_clips": None})
    assert len(chosen) == 23


def test_intervals_hold_the_mean(results):
    cell = read_json(results)["summary"]["music"]["4000"]["input"]["lsd_above"]
    rows = [
        float(row["lsd_above"])
        for row in read_csv(results)
        if row["system"] == "input"
        and row["domain"] == "music"
        and row["cutoff_hz"] == "4000"
    ]
    assert cell["mean"] == pytest.approx(np.mean(rows))
    assert cell["lower"] == pytest.approx(min(rows))
    assert cell["upper"] == pytest.approx(max(rows))
    table = (results / "results.md").read_text()
    assert "| music | 4 kHz | 2 | input |" in table
    text = f"{cell['mean']:.2f} ({cell['lower']:.2f} to {cell['upper']:.2f})"
    assert text in table


def test_the_model_alone_is_timed(results):
    systems = read_json(results)["systems"]
    assert systems["ours"]["real_time_factor"] > 0
    assert systems["input"]["real_time_factor"] is None


@pytest.fixture
def copied(project, data, results, tmp_path):
    """A copy of the results, and a function that evaluates into it again."""
    output = tmp_path / "output"
    shutil.copytree(results, output)
    model = read_json(results)["systems"]["ours"]["settings"]["model"]

    def evaluate_again(**options):
        evaluate_ours(project, output, data, model, **options)

    return output, evaluate_again


def test_an_interrupted_evaluation_goes_on(results, copied):
    output, evaluate_again = copied
    journal = output / "scores.jsonl"
    lines = journal.read_text().splitlines()
    scored = [line for line in lines if '"lsd"' in line]
    journal.write_text("\n".join(scored[:-5]) + "\n" + scored[-5][:40])
    (output / "results.csv").unlink()
    evaluate_again()
    assert read_csv(output) == read_csv(results)
    again = [x for x in journal.read_text().splitlines() if '"lsd"' in x]
    # Existing scores were kept; only the rest was computed.
    assert again[: len(scored) - 5] == scored[:-5]
    assert len([x for x in again if x.endswith("}")]) == len(scored)


def test_precision_has_scores_of_its_own(results, copied):
    output, evaluate_again = copied
    evaluate_again(precision="bf16")
    for before, after in zip(read_csv(results), read_csv(output), strict=True):
        same = after["system"] != "ours"
        assert (after["lsd"] == before["lsd"]) == same


@pytest.fixture(scope="module")
def foreign(project, data, results, tmp_path_factory):
    """Results for another system's outputs, most of them faulty."""
    outputs = tmp_path_factory.mktemp("outputs")
    rng = np.random.default_rng(0)
    for name in ("clip0", "clip1", "clip3", "clip4"):
        wav, rate = soundfile.read(results / "inputs" / "4000" / f"{name}.wav")
        if name == "clip1":  # at another rate, and 20 ms longer
            wav = np.pad(
                np.interp(np.arange(24000) * 2, np.arange(48000), wav), (0, 480)
            )
            rate = 24000
        if name == "clip3":
            wav = wav[:24000]
        if name == "clip4":
            wav = np.stack([wav, rng.standard_normal(len(wav))], axis=1)
        soundfile.write(outputs / f"{name}.wav", wav, rate, "FLOAT")
    output = tmp_path_factory.mktemp("foreign")
    evaluate(
        project,
        output,
        data_folder=data,
        cutoffs=[4000],
        systems=f"[theirs: {{folder: '{outputs}'}}]",
    )
    return output


def test_outputs_of_another_system_are_scored_or_refused(foreign):
    rows = {(r["id"], r["system"]): r for r in read_csv(foreign)}
    # A copy of the input scores as the input does.
    ours, theirs = rows["clip0", "input"], rows["clip0", "theirs"]
    assert {**theirs, "system": "input"} == ours
    assert abs(float(rows["clip1", "theirs"]["lsd_below"])) < 1
    refused = read_json(foreign)["refused"]
    reasons = {r["id"]: r["reason"] for r in refused if r["system"] == "theirs"}
    assert len(refused) == len(reasons) == 3
    assert "lasts 0.500 s, the clip 1.000 s" in reasons["clip3"]
    assert "2 different channels" in reasons["clip4"]
    assert "There is no '" in reasons["clip5"]
    table = (foreign / "results.md").read_text()
    assert all(reason in table for reason in reasons.values())
    assert "clip5" in (foreign / "report.html").read_text()
    scored = {id for id, system in rows if system == "theirs"}
    assert scored == {"clip0", "clip1"}


def test_folders_of_pairs(project, tmp_path):
    rng = np.random.default_rng(0)
    for name, low_seconds in (("a", 1), ("b", 1), ("c", 0.6), ("lone", None)):
        wav = 0.1 * rng.standard_normal(48000)
        path = tmp_path / "high" / "speech" / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wav, 48000)
        if low_seconds is not None:
            low = 0.1 * rng.standard_normal(int(8000 * low_seconds))
            path = tmp_path / "low" / "speech" / f"{name}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, low, 8000)
    (tmp_path / "low" / "stray.wav").write_bytes(b"not a sound")
    output = tmp_path / "output"
    evaluate(
        project,
        output,
        reference_folder=tmp_path / "high",
        low_folder=tmp_path / "low",
        cutoffs=[4000],
        max_seconds=0.8,
        systems="[]",
    )
    rows = [r for r in read_csv(output) if r["system"] == "input"]
    assert [r["id"] for r in rows] in (
        ["speech/a", "speech/b"],
        ["speech/b", "speech/a"],
    )
    assert {r["domain"] for r in rows} == {"speech"}
    assert all(float(r["lsd_above"]) > 2 for r in rows)
    reasons = {r["id"]: r["reason"] for r in read_json(output)["refused"]}
    assert "no reference" in reasons.pop("stray")
    assert "no low-resolution file" in reasons.pop("speech/lone")
    assert "low-resolution file lasts 0.600 s" in reasons.pop("speech/c")
    assert not reasons


def test_a_clip_that_is_silent_in_its_middle_is_refused(project, tmp_path):
    clips = recipe_module(project, "clips")
    wav = np.zeros(96000)
    wav[:9600] = 0.1
    soundfile.write(tmp_path / "a.wav", wav, 48000)
    clip = clips.Clip(
        "a", "music", "a", str(tmp_path / "a.wav"), 0, 96000, 2.0, 2e4
    )
    assert clips.read_reference(clip, 2.0)[1] == 96000
    with pytest.raises(clips.RefusedError, match="silent"):
        clips.read_reference(clip, 1.0)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({}, "Pass --data_folder"),
        (
            {"data_folder": "x", "degradation": "vinyl"},
            "'vinyl'. Choose one of",
        ),
        ({"data_folder": "x", "metrics": "[taste]"}, "'taste'. Choose among"),
        ({"data_folder": "x", "systems": "[magic]"}, "'magic'. Name flashsr"),
        (
            {"data_folder": "x", "systems": "[a: {model: b, speed: 9}]"},
            "with or without num_steps",
        ),
        (
            {"data_folder": "x", "systems": "[a: {folder: b, num_steps: 9}]"},
            "or a folder",
        ),
        ({"data_folder": "x", "systems": "[a: {folder: out}]"}, "{cutoff}"),
        (
            {"data_folder": "x", "systems": "[input: {model: b}]"},
            "called 'input'",
        ),
        ({"reference_folder": "x", "low_folder": "y"}, "have one cut-off"),
    ],
)
def test_settings_that_make_no_sense(project, tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        evaluate(project, tmp_path, **settings)


def test_flashsr_gets_its_options(project, monkeypatch):
    systems = recipe_module(project, "systems")
    calls = []

    class Model:
        @classmethod
        def from_hparams(cls, source, run_opts):
            calls.append(source)
            return cls()

        def super_resolve_batch(self, wavs, **options):
            calls.append(options)
            return wavs

    monkeypatch.setattr(systems, "FlashSR", Model)
    settings = {"model": "my/model", "num_steps": 4, "guidance_scale": 2.0}
    system = systems.make_system("ours", settings, detect_cutoff=False)
    low = torch.zeros(100)
    system(systems.Trial("clip", low, low, low[:17], 8000, 4000, 100, 7))
    assert calls == [
        "my/model",
        {
            "sample_rate": 8000,
            "cutoff": 4000,
            "seed": 7,
            "num_steps": 4,
            "guidance_scale": 2.0,
        },
    ]


@pytest.mark.parametrize("folder", ["OUT_{cutoff}", "out/{cutoff}/wav", "[a]"])
def test_outputs_made_again_are_noticed(project, tmp_path, folder):
    systems = recipe_module(project, "systems")
    settings = {"folder": str(tmp_path / folder)}
    prints = [systems.fingerprint(settings)]
    path = tmp_path / folder.replace("{cutoff}", "4000") / "a.wav"
    path.parent.mkdir(parents=True)
    for content in ("before", "afterwards"):
        path.write_text(content)
        prints.append(systems.fingerprint(settings))
    assert len(set(prints)) == 3
    assert systems.fingerprint(settings) == prints[-1]
