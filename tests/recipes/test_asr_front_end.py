"""Tests of the recipe that measures word error rates behind the front-end.

Authors
 * The speechbrain_flashsr developers 2026
"""

import importlib.util
import json
import shutil

import pytest
import soundfile
import torch

from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.inference import SuperResolutionFrontEnd
from tests.tiny_model import toy_interface


@pytest.fixture(scope="module")
def recipe(project):
    """The script as a module."""
    folder = project / "recipes" / "VersatileAudio" / "ASRFrontEnd"
    spec = importlib.util.spec_from_file_location(
        "word_error_rate", folder / "word_error_rate.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_summary_has_the_rates_and_the_gap_won_back(recipe):
    references = {str(i): ["one", "two", "three", "four"] for i in range(20)}

    def wrong(count):
        words = ["x"] * count + ["one", "two", "three", "four"][count:]
        return dict.fromkeys(references, words)

    hypotheses = {"wide": wrong(0), "plain": wrong(2), "flashsr": wrong(1)}
    hparams = {"bootstrap_samples": 100, "seed": 0}
    results = recipe.summarise(hypotheses, references, hparams)
    assert [results[name]["wer"] for name in hypotheses] == [0.0, 0.5, 0.25]
    assert results["flashsr"]["change"] == -0.25
    assert results["flashsr"]["change_interval"] == [-0.25, -0.25]
    assert results["flashsr"]["gap_won_back"] == 0.5
    table = recipe.as_table(results)
    assert "| 8 kHz, FlashSR | 0.250 (0.250 to 0.250) | -0.250" in table
    assert table.strip().endswith("| 50 % |")


def test_interval_is_paired_and_covers_the_spread(recipe):
    errors = torch.tensor([0, 4] * 20).numpy()
    words = torch.full((40,), 4).numpy()
    draws = recipe.bootstrap(errors, words, 2000, seed=1)
    assert (draws == recipe.bootstrap(errors, words, 2000, seed=1)).all()
    low, high = recipe.interval(draws)
    # A rate of 0.5 from 40 prompts has a standard error of 0.079.
    assert low == pytest.approx(0.345, abs=0.03)
    assert high == pytest.approx(0.655, abs=0.03)


def test_what_the_recogniser_hears(recipe):
    flashsr = toy_interface(lambda low, noise: 0.1 * torch.randn_like(low))
    front_end = SuperResolutionFrontEnd(flashsr, sample_rate=16000)
    wav = 0.1 * torch.randn(8000)
    heard = {
        name: recipe.heard(name, wav, front_end) for name in recipe.CONDITIONS
    }
    assert torch.equal(heard["wide"], wav)
    assert all(len(signal) == 8000 for signal in heard.values())

    def high(signal):
        return torch.fft.rfft(signal)[2500:].abs().square().sum()

    assert high(heard["plain"]) < 1e-3 * high(wav)
    assert high(heard["flashsr"]) > 100 * high(heard["plain"])
    # mu-law has about 38 dB of signal over noise.
    narrow = 0.1 * torch.randn(8000)
    noise = recipe.telephone(narrow) - narrow
    ratio = 10 * (narrow.square().mean() / noise.square().mean()).log10()
    assert 33 < ratio < 42


def test_prompts_and_an_interrupted_run(recipe, tmp_path, monkeypatch):
    wav = 0.1 * torch.randn(8000)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, wav.numpy(), 16000)
    (tmp_path / "list.tsv").write_text(
        "file\ttranscript\na.wav\tyes sir\nb.wav\tno\n", encoding="utf-8"
    )
    prompts = recipe.list_prompts(tmp_path, tmp_path / "list.tsv", None)
    assert prompts == {"a.wav": ["yes", "sir"], "b.wav": ["no"]}
    assert recipe.list_prompts(tmp_path, None, 1) == {"a.wav": None}
    with pytest.raises(ValueError, match="no prompts in.*README.md"):
        recipe.list_prompts(tmp_path / "elsewhere", None, 60)
    calls = []
    monkeypatch.setattr(
        recipe,
        "PocketSphinx",
        lambda: lambda signal: calls.append(len(signal)) or ["heard"],
    )
    hparams = {
        "output_folder": tmp_path,
        "data_folder": tmp_path,
        "conditions": ["wide", "flashsr"],
        "source": None,
    }
    front_end = SuperResolutionFrontEnd(toy_interface(), sample_rate=16000)

    def rerun(**changes):
        """The hypotheses, and how many prompts were recognised for them."""
        calls.clear()
        found = recipe.recognise(prompts, front_end, hparams | changes)
        return found, len(calls)

    assert rerun()[1] == 4
    file = tmp_path / "wide.json"
    content = json.loads(file.read_text())
    content["hypotheses"] = {"a.wav": ["earlier"]}
    file.write_text(json.dumps(content))
    hypotheses, recognised = rerun()
    assert hypotheses["wide"] == {"a.wav": ["earlier"], "b.wav": ["heard"]}
    assert recognised == 1
    assert json.loads(file.read_text())["hypotheses"] == hypotheses["wide"]
    assert rerun()[1] == 0
    # Hypotheses of another model or data set are not in the result.
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "hyperparams.yaml").write_text("another: 1")
    assert rerun(source=str(tmp_path / "model"))[1] == 2
    shutil.copytree(tmp_path, tmp_path / "copy")
    assert rerun(data_folder=tmp_path / "copy")[1] == 4


def test_the_recogniser_recognises_silence(recipe):
    words = recipe.PocketSphinx()(torch.zeros(16000))
    assert isinstance(words, list) and len(words) <= 1


def test_the_recogniser_forgets_what_it_heard_before(recipe, project):
    recogniser = recipe.PocketSphinx()
    speech = recipe.read_prompt(project / "examples" / "announcement.flac")
    narrow = recipe.telephone(Resampler(16000, 8000)(speech[None])[0])
    telephone = Resampler(8000, 16000)(narrow[None])[0, 40000:80000]
    words = recogniser(telephone)
    assert len(words) > 3
    noise = torch.randn(48000, generator=torch.Generator().manual_seed(0))
    recogniser(0.2 * noise)
    assert recogniser(telephone) == words
