"""Precision and batches of windows change nothing that can be heard.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import soundfile
import torch

from speechbrain_flashsr.inference import FlashSR

CUTOFF = 4000.0


@pytest.fixture(scope="module")
def wavs(project):
    """1.28 s of speech at 16 kHz, [1, time]."""
    path = project / "examples" / "announcement.flac"
    speech, rate = soundfile.read(path, frames=3 * 16000, dtype="float32")
    assert rate == 16000 and speech.ndim == 1
    return torch.from_numpy(speech[20000:40480])[None]


@pytest.fixture(scope="module")
def plain(wavs):
    """The shipped model's raw output, its weights as they were loaded."""
    return raw_output(wavs, freeze_params=False)


def raw_output(wavs, precision="fp32", **options):
    flashsr = FlashSR.from_hparams(
        run_opts={"device": "cpu", "precision": precision}, **options
    )
    for module in flashsr.mods.values():
        module.eval()
    return flashsr.super_resolve_batch(
        wavs, sample_rate=16000, cutoff=CUTOFF, low_band="model"
    )


def snr_above_cutoff(out, reference):
    """Signal-to-noise ratio above the cut-off, in dB."""
    energies = []
    for signal in (reference, out - reference):
        spectrum = torch.fft.rfft(signal.double())
        first = round(CUTOFF / 24000 * spectrum.shape[-1])
        energies.append(spectrum[..., first:].abs().square().sum())
    return 10 * torch.log10(energies[0] / energies[1]).item()


def test_fast_paths_keep_single_precision(wavs, plain):
    """Folded, channels-last weights and in-place activations."""
    assert 80 < snr_above_cutoff(raw_output(wavs), plain) < 200


def test_bfloat16_is_near(wavs, plain):
    half = raw_output(wavs, "bf16")
    assert half.dtype == torch.float32
    assert 25 < snr_above_cutoff(half, plain) < 80


@pytest.mark.parametrize(
    "precision, tolerance",
    [("fp32", 1e-5), ("bf16", 1e-3)],  # rounding of 2^-9 a convolution
)
def test_result_does_not_depend_on_batch_windows(wavs, precision, tolerance):
    outs = []
    for batch_windows in (1, 3):
        run_opts = {"device": "cpu", "precision": precision}
        run_opts["batch_windows"] = batch_windows
        flashsr = FlashSR.from_hparams(run_opts=run_opts)
        outs.append(
            flashsr.super_resolve_batch(
                wavs.repeat(1, 5), sample_rate=16000, cutoff=CUTOFF
            )
        )
    torch.testing.assert_close(outs[0], outs[1], rtol=0, atol=tolerance)
