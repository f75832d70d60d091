"""The study of the distillation's losses, at toy size.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json
import shutil

import torch
from hyperpyyaml import load_hyperpyyaml

from tests.recipes import training

SYSTEMS = (
    "teacher, 1",
    "teacher, 4",
    "teacher, 32",
    "student, distillation",
    "student, + adversarial",
    "student, + distribution matching",
)


def test_the_study_compares_all_systems_and_goes_on(
    project, tmp_path, monkeypatch, capfd
):
    hparams = tmp_path / "hparams"
    training.write_corpus(tmp_path / "corpus")
    training.write_hparams(project, hparams)
    recipe = project / training.RECIPE
    shutil.copytree(recipe / "hparams/ablations", hparams / "ablations")
    with open(project / "tests/recipes/tiny_model.yaml") as file:
        model = load_hyperpyyaml(file)
    files = {}
    for name in ("autoencoder", "unet", "vocoder"):
        files[name] = tmp_path / f"{name}.ckpt"
        torch.save(model[name].state_dict(), files[name])
    output = tmp_path / "output"
    flags = training.stage_arguments(
        "student",
        tmp_path,
        output,
        autoencoder_file=files["autoencoder"],
        teacher_file=files["unet"],
    )
    arguments = [
        *flags[1:],
        f"--hparams_folder={hparams}",
        f"--vocoder_file={files['vocoder']}",
        "--iterations=4",
        "--minutes=30",
        "--segments=3",
        "--segment_length=61440",
    ]
    script = recipe / "ablation_study.py"
    training.run_script(script, arguments, monkeypatch)

    scores = json.loads((output / "ablations.json").read_text())
    assert set(scores) == set(SYSTEMS)
    for values in scores.values():
        assert len(values["lsd"]) == 3
        assert all(value > 0 for value in values["time"])
    slow, fast = (min(scores[f"teacher, {steps}"]["time"]) for steps in (32, 1))
    assert slow > 2 * fast
    table = (output / "ablations.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in table[2:]] == [
        f"| {name}, 1" if "student" in name else f"| {name}" for name in SYSTEMS
    ]
    assert (output / "ablations.png").read_bytes()[1:4] == b"PNG"
    logs = [
        (output / folder / "train_log.txt").read_text().splitlines()[-1]
        for folder in (
            "train_student_distillation",
            "train_student_distillation_adversarial",
            "train_student",
        )
    ]
    assert all("step: 4 " in log for log in logs)
    assert ["train adversarial" in log for log in logs] == [False, True, True]
    assert ["train distribution" in log for log in logs] == [False, False, True]

    # Nothing to train on, and one system lost: only it is compared again.
    monkeypatch.setattr("subprocess.run", lambda *args, **kwargs: None)
    del scores["teacher, 4"]
    (output / "ablations.json").write_text(json.dumps(scores))
    capfd.readouterr()
    training.run_script(script, arguments, monkeypatch)
    said = capfd.readouterr().out
    assert "teacher, 4:" in said and "teacher, 1:" not in said
    again = json.loads((output / "ablations.json").read_text())
    assert again["teacher, 1"] == scores["teacher, 1"]

    # Another vocoder: nothing of the earlier scores holds.
    torch.save(
        {k: 0.9 * v for k, v in model["vocoder"].state_dict().items()},
        files["vocoder"],
    )
    training.run_script(script, arguments, monkeypatch)
    said = capfd.readouterr().out
    assert all(f"{system}:" in said for system in SYSTEMS)
