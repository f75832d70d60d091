"""A model folder runs no code by default.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import os
from pathlib import Path

import pytest

from speechbrain_flashsr import SHIPPED_MODEL
from speechbrain_flashsr.checkpoints import CheckpointError
from speechbrain_flashsr.checkpoints.reading import digest_of_model
from speechbrain_flashsr.checkpoints.trust import ModelError, check_hyperparams
from speechbrain_flashsr.inference import FlashSR
from tests.tiny_model import TINY_HPARAMS, save_tiny_model

BOMB = "bomb0: &b0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"bomb{n}: &b{n} [{', '.join([f'*b{n - 1}'] * 10)}]\n" for n in range(1, 12)
)

HOSTILE = {
    "call": "a: !apply:os.mkdir [{pwned}]",
    "call of a reference": "a: !applyref:os.mkdir [{pwned}]",
    "object": "a: !new:pathlib.Path [{pwned}]",
    "subprocess": "a: !new:subprocess.Popen [[mkdir, '{pwned}']]",
    "function": "a: !name:os.mkdir [{pwned}]",
    "module": "a: !module:os",
    "python tag": "a: !!python/object/apply:os.mkdir ['{pwned}']",
    "tag directive": "%TAG !e! tag:yaml.org,2002:python/object/apply:\n"
    "---\na: !e!os.mkdir ['{pwned}']",
    "tuple": "a: (!!python/object/apply:os.mkdir ['{pwned}'])",
    "quoted tuple": 'a: "(!!python/object/apply:os.mkdir [{pwned}])"',
    "tagged tuple": "a: !tuple 'x!!python/object/apply:os.mkdir [{pwned}]x'",
    "include": "a: !include:other.yaml",
    "copy": "a: [1]\nb: !copy <a>",
    "attribute": "a: !new:torch.nn.ReLU\nb: !ref <a.forward>",
    "arithmetic": "a: 9\nb: !ref <a> ** <a> ** <a> ** <a>",
    "through our package": "a: !name:speechbrain_flashsr.checkpoints.export.shutil.rmtree",
    "our function": "a: !name:speechbrain_flashsr.checkpoints.export.export_pretrained",
    "our class": "a: !new:speechbrain_flashsr.brains.checkpointing."
    "AtomicCheckpointer\n  checkpoints_dir: '{pwned}'",
    "hidden in torch.nn": "a: !new:torch.nn.init.math",
    "outside weights": "a: !new:speechbrain.utils.parameter_transfer."
    "Pretrainer\n  paths: {{unet: http://example.org/unet.ckpt}}",
    "collecting": "a: !new:speechbrain.utils.parameter_transfer.Pretrainer "
    "['{pwned}']",
    "hook": "a: !name:speechbrain_flashsr.checkpoints.load_strictly "
    "{{path: x}}",
    "loop": "a: &a [*a]",
    "bomb": BOMB,
    "large number": "a: !new:torch.nn.Linear [100000000, 100000000]",
    "merge": "a: &a {{b: 1}}\nc:\n  <<: *a",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_a_network_is_refused(tmp_path, name):
    path = tmp_path / "hyperparams.yaml"
    pwned = tmp_path / "pwned"
    path.write_text(HOSTILE[name].format(pwned=pwned))
    with pytest.raises(ModelError) as error:
        FlashSR.from_hparams(tmp_path, run_opts={"device": "cpu"})
    assert str(path) in str(error.value)
    assert "trust=True" in str(error.value)
    assert not pwned.exists()


def test_a_trusted_folder_may_run_code(tmp_path):
    folder = Path(save_tiny_model(tmp_path / "tiny"))
    text = TINY_HPARAMS + f"done: !apply:os.mkdir ['{tmp_path / 'made'}']\n"
    (folder / "hyperparams.yaml").write_text(text)
    FlashSR.from_hparams(folder, trust=True, run_opts={"device": "cpu"})
    assert (tmp_path / "made").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "old, new, words",
    [
        ("channels: 4", "channels: 2000", "more than .* parameters"),
        ("num_blocks: 1", "num_blocks: 9999999", "more than .* "),
        ("channels: 4", "channels: four", "does not build a model: TypeError"),
        ("kernel_sizes: [3]", "kernel_sizes: 3", "does not build a model"),
        ("modules:", "others:", "does not build a model: KeyError: 'modules'"),
        (
            "    super_resolver: !ref <super_",
            "    other: !ref <super_",
            "does not",
        ),
        ("r: !ref <super_resolver>", "r: !ref <vocoder>", "not a super-res"),
        ("features: !new", "features: ] !new", "damaged or not a HyperPyYAML"),
        ("!ref <unet>", "!ref <net>", "damaged or .*<?net"),
        ("<unet>", "<denoiser>", "damaged|without end|does not build"),
    ],
)
def test_damaged_hyperparameters(tmp_path, old, new, words):
    folder = Path(save_tiny_model(tmp_path))
    assert old in TINY_HPARAMS
    text = TINY_HPARAMS.replace(old, new)
    (folder / "hyperparams.yaml").write_text(text)
    with pytest.raises(ModelError, match=f"'{tmp_path}.*({words})"):
        FlashSR.from_hparams(folder, run_opts={"device": "cpu"})


def test_a_file_that_is_too_large(tmp_path):
    path = tmp_path / "hyperparams.yaml"
    path.write_text("a: 1\n" + "#" * 10**6)
    with pytest.raises(ModelError, match="1000005 bytes"):
        check_hyperparams(path)


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
@pytest.mark.parametrize("name", ["hyperparams.yaml", "unet.ckpt", "x.ckpt"])
def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path, name):
    folder = Path(save_tiny_model(tmp_path))
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    digest_of_model(folder)
    errors = (FileNotFoundError, CheckpointError)
    expected = pytest.raises(errors, match=f"{name}'")
    with contextlib.nullcontext() if name == "x.ckpt" else expected:
        FlashSR.from_hparams(folder, run_opts={"device": "cpu"})


def test_the_models_that_ship_need_no_trust(project):
    check_hyperparams(SHIPPED_MODEL / "hyperparams.yaml")
    for path in (project / "hparams").glob("model_*.yaml"):
        check_hyperparams(path)
