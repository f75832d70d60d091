"""Levels and the continuation of spectrograms.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.lobes.features import (
    LogMel,
    extend_band,
    normalize,
    normalize_pair,
)


def test_normalized_waveforms_have_peak_one_half_and_come_back():
    wavs = 3 * torch.randn(4, 1000) + 2
    normalized, mean, scale = normalize(wavs)
    torch.testing.assert_close(normalized.abs().amax(1), torch.full((4,), 0.5))
    assert normalized.mean(1).abs().max() < 1e-6
    torch.testing.assert_close(normalized * scale + mean, wavs)


def test_silence_stays_finite():
    normalized, _, _ = normalize(torch.zeros(1, 10))
    assert torch.equal(normalized, torch.zeros(1, 10))


def test_the_band_limited_copy_decides_the_level():
    low = torch.randn(2, 500)
    high = low + 5 * torch.randn(2, 500)
    ours, theirs = normalize_pair(high, low)
    torch.testing.assert_close(theirs, normalize(low)[0])
    ratio = (ours - ours.mean(1, keepdim=True)).norm() / theirs.norm()
    expected = (high - high.mean(1, keepdim=True)).norm() / (
        low - low.mean(1, keepdim=True)
    ).norm()
    torch.testing.assert_close(ratio, expected, rtol=0.1, atol=0)


def test_band_centres_rise_over_the_band():
    centres = LogMel().band_centres()
    assert (centres.diff() > 0).all()
    assert 20 < centres[0] < 60 and 23500 < centres[-1] < 24000


def test_extension_leaves_the_band_alone_and_continues_its_slope():
    log_mel = LogMel()
    centres = log_mel.band_centres()
    bands = torch.arange(256.0)
    natural = (-0.03 * bands).expand(1, 1, 8, 256)
    rolloff = torch.tensor([16000.0])
    edge = int((centres < 16000).sum())
    cut = natural.clone()
    cut[..., edge:] = -11.5
    extended = extend_band(cut, rolloff, centres)
    assert torch.equal(extended[..., :edge], cut[..., :edge])
    torch.testing.assert_close(extended, natural, atol=0.05, rtol=0)


def test_full_band_and_silence_are_left_alone():
    centres = LogMel().band_centres()
    mel = torch.randn(1, 1, 8, 256)
    assert torch.equal(extend_band(mel, torch.tensor([24000.0]), centres), mel)
    silence = torch.full((1, 1, 8, 256), -11.5)
    extended = extend_band(silence, torch.tensor([16000.0]), centres)
    assert torch.equal(extended, silence)


def test_any_number_of_missing_bands_stays_finite():
    mel = torch.randn(1, 1, 4, 16)
    centres = torch.arange(16) * 1000.0
    for missing in range(1, 16):
        rolloff = torch.tensor([(16 - missing) * 1000.0])
        extended = extend_band(mel, rolloff, centres)
        edge = 16 - missing
        assert torch.isfinite(extended).all()
        assert torch.equal(extended[..., :edge], mel[..., :edge])
        assert (
            torch.equal(extended[..., edge], mel[..., edge - 1]) or missing > 1
        )


def test_a_clip_is_extended_alike_in_any_batch():
    log_mel = LogMel()
    loud, quiet = 0.1 * torch.randn(9600), 1e-5 * torch.randn(9600)
    rolloff = torch.tensor([9000.0, 16000.0])
    together = log_mel.extended(torch.stack([loud, quiet]), rolloff)
    alone = log_mel.extended(loud[None], rolloff[:1])
    torch.testing.assert_close(together[:1], alone)
    assert (together[0] > log_mel(loud[None])[0]).any()
