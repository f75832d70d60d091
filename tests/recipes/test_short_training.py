"""A short training on another machine.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import tarfile

import torch

from tests.recipes.training import RECIPE, read_flags, run_script

ROW = "VersatileAudio_row_15"


def test_results_are_small_parts_from_which_the_next_training_starts(
    recipes, project, tmp_path, monkeypatch
):
    output = recipes.output_of(ROW)
    parts = sorted((recipes.folder / "short_results").iterdir())
    assert len(parts) > 2
    assert all(path.stat().st_size <= 50_000 for path in parts)
    archive = io.BytesIO(b"".join(path.read_bytes() for path in parts))
    with tarfile.open(fileobj=archive) as tar:
        tar.extractall(tmp_path / "weights", filter="data")
    results = {}
    for name in ("autoencoder", "discriminator"):
        path = f"autoencoder/{name}.ckpt"
        trained = torch.load(output / path, weights_only=True)
        results[name] = torch.load(tmp_path / "weights" / path)
        assert results[name].keys() == trained.keys()
        for key, value in trained.items():
            assert torch.equal(results[name][key], value.half()), key

    flags = read_flags(recipes.rows[ROW], recipes.folder)
    flags.update(
        weights_folder=tmp_path / "weights",
        output_folder=tmp_path / "out",
        results_folder=tmp_path / "results",
        number_of_epochs=1,
        lr=0.0,
        device="cpu",
    )
    script = project / RECIPE / "short_training.py"
    settings = str(project / RECIPE / "hparams/short_training.yaml")
    arguments = [f"--{name}={value}" for name, value in flags.items()]
    run_script(script, [settings, *arguments], monkeypatch)
    for name, expected in results.items():
        path = tmp_path / f"out/autoencoder/{name}.ckpt"
        state = torch.load(path, weights_only=True)
        for key, value in expected.items():
            # The scale is measured by every training.
            if key != "scale":
                torch.testing.assert_close(state[key], value.float())
