"""The model as ONNX Runtime computes it.

Authors
 * The speechbrain_flashsr developers 2026
"""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_flashsr import cli
from speechbrain_flashsr.inference import FlashSR
from tests.tiny_model import TINY_HPARAMS, save_tiny_model

TIME = 30720

VOCODER = """vocoder: !new:speechbrain_flashsr.lobes.spectral_vocoder.SpectralVocoder
    features: !ref <features>
    channels: 8
    hidden: 16
    num_blocks: 1
    swing: 0.3
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny model with the small model's kind of vocoder, short windows."""
    before, _, rest = TINY_HPARAMS.partition("vocoder: !new")
    text = f"{before}{VOCODER}\n{rest[rest.index('super_resolver:') :]}"
    text = text.replace("window_length: 122880", f"window_length: {TIME}")
    folder = tmp_path_factory.mktemp("tiny")
    return save_tiny_model(folder, hparams=text)


@pytest.fixture(scope="module")
def file(folder, tmp_path_factory):
    """What the command exports."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    assert cli.main(["export", "--onnx", str(path), "--source", folder]) == 0
    return path


def test_onnx_runtime_agrees_with_pytorch(folder, file):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(file)
    shapes = {given.name: given.shape for given in session.get_inputs()}
    assert shapes["low"] == shapes["excitation"] == [1, TIME]
    generator = torch.Generator().manual_seed(0)
    inputs = {
        name: torch.randn(shape, generator=generator)
        for name, shape in shapes.items()
    }
    inputs["cutoff_hz"] = torch.tensor([6000.0])  # not the exported example's
    flashsr = FlashSR.from_hparams(
        folder, run_opts={"device": "cpu", "precision": "fp32"}
    )
    with torch.no_grad():
        expected = flashsr.mods.super_resolver(**inputs)
    given = {name: value.numpy() for name, value in inputs.items()}
    (high,) = session.run(["high"], given)
    assert (expected - inputs["low"]).abs().max() > 0.1
    np.testing.assert_allclose(high, expected.numpy(), rtol=0, atol=1e-4)


def test_example_needs_no_pytorch(project, file, tmp_path):
    # So quiet that the tiny model's loud band does not clip.
    call = 0.0025 * np.sin(2 * np.pi * 440 * np.arange(4000) / 8000)
    soundfile.write(tmp_path / "call.wav", call, 8000, subtype="FLOAT")
    script = str(project / "examples" / "onnx_runtime.py")
    code = (
        "import runpy, sys; sys.modules['torch'] = None; del sys.argv[0]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, script, file, "call.wav", "out.wav"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    restored, rate = soundfile.read(tmp_path / "out.wav")
    assert (rate, len(restored)) == (48000, 24000)
    # The tiny model adds to the tone above the cut-off alone.
    tone = 0.0025 * np.sin(2 * np.pi * 440 * np.arange(24000) / 48000)
    gain = restored @ tone / (tone @ tone)
    assert abs(gain - 1) < 0.01


def test_missing_packages_are_named(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    path = tmp_path / "model.onnx"
    assert cli.main(["export", "--onnx", str(path), "--source", folder]) == 1
    assert "pip install 'speechbrain_flashsr[onnx]'" in capsys.readouterr().err
    assert not path.exists()
