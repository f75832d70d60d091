"""The evaluation script on seconds of sound.

Authors
 * The speechbrain_flashsr developers 2026
"""

import csv
import json
import runpy
import sys

import pytest

from tests.recipes import training
from tests.tiny_model import save_tiny_model


@pytest.fixture(scope="module")
def results(project, tmp_path_factory):
    """The folder of results for all kinds of systems."""
    data = tmp_path_factory.mktemp("data")
    output = tmp_path_factory.mktemp("output")
    training.write_corpus(data, seconds=1.0)
    entries = json.loads((data / "test.json").read_text())
    entries["clip1"]["rolloff_hz"] = 8500
    entries["clip2"]["duration"] = 0.4
    (data / "test.json").write_text(json.dumps(entries))
    model = save_tiny_model(tmp_path_factory.mktemp("model"))
    folder = project / training.RECIPE
    with pytest.MonkeyPatch.context() as monkeypatch:
        arguments = [
            str(folder / "evaluate.py"),
            str(folder / "hparams" / "evaluate.yaml"),
            f"--data_folder={data}",
            f"--output_folder={output}",
            "--cutoffs=[4000, 8000]",
            f"--systems=[input, static_noise, 'flashsr:{model}']",
            "--device=cpu",
        ]
        monkeypatch.setattr(sys, "argv", arguments)
        runpy.run_path(arguments[0], run_name="__main__")
    return output, f"flashsr:{model}"


def test_every_clip_that_can_be_judged_is_scored_once(results):
    output, flashsr = results
    with open(output / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(r["id"], int(r["cutoff_hz"]), r["system"]) for r in rows}
    assert len(found) == len(rows)
    expected = {
        (clip, cutoff, system)
        for clip in ("clip0", "clip1", "clip3", "clip4", "clip5")
        for cutoff in (4000, 8000)
        for system in ("input", "static_noise", flashsr)
        if (clip, cutoff) != ("clip1", 8000)  # nothing above the cut-off
    }
    assert found == expected


def test_baselines_score_as_they_must(results):
    output, flashsr = results
    summary = json.loads((output / "results.json").read_text())
    cell = summary["speech"]["4000"]
    assert cell["input"]["clips"] == 2
    assert cell["input"]["lsd_above"] > 3
    # White noise above the cut-off is nearly what static noise makes.
    assert cell["static_noise"]["lsd"] < 0.7 * cell["input"]["lsd"]
    assert abs(cell["static_noise"]["envelope_correlation"]) < 0.2
    for system in ("input", "static_noise"):
        assert cell[system]["lsd_below"] < 0.3
    assert cell[flashsr]["lsd_below"] < 0.5  # the crossover begins there


def test_the_table_holds_the_means(results):
    output, _ = results
    summary = json.loads((output / "results.json").read_text())
    value = summary["music"]["4000"]["input"]["lsd_above"]
    table = (output / "results.md").read_text()
    assert "| music | 4 kHz | 2 | input |" in table
    assert f"{value:.3f}" in table
