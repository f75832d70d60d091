"""Tests of what becomes of recordings whose band changes, and of real highs.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import scipy.signal
import soundfile
import torch

from speechbrain_flashsr.bandwidth import CutoffSegment, CutoffTrack
from speechbrain_flashsr.inference import signal_analysis
from tests.tiny_model import toy_interface
from tests.unit.signals import level


def hiss(low, noise):
    """A high band at a fifth of the level of what is heard."""
    generator = torch.Generator().manual_seed(len(low))
    loudness = low.square().mean(1, keepdim=True).sqrt()
    return 0.2 * loudness * torch.randn(low.shape, generator=generator)


def white(num_samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(num_samples, generator=generator)


def low_passed(wav, cutoff):
    taps = scipy.signal.firwin(1001, cutoff, fs=48000, window=("kaiser", 10))
    filtered = scipy.signal.oaconvolve(wav.numpy(), taps, mode="same")
    return torch.from_numpy(filtered).float()


@pytest.fixture()
def find(monkeypatch):
    """Has the detector find the given segments, one list a channel."""

    def install(*channels):
        class Detector:
            def __init__(self, *_, **__):
                pass

            def update(self, block):
                pass

            def result(self):
                return [
                    CutoffTrack(tuple(CutoffSegment(*s) for s in segments))
                    for segments in channels
                ]

        monkeypatch.setattr(signal_analysis, "BandwidthDetector", Detector)

    return install


@pytest.mark.parametrize("batch_windows", [1, 3])
def test_each_part_is_restored_by_its_own_edge(find, batch_windows):
    edges = [(0, 2, None), (2, 4, 4000.0), (4, 6, None), (6, 8, 9000.0)]
    find(edges)
    wav = white(8 * 48000)
    wav[96000:192000] = low_passed(wav[96000:192000], 3900)
    wav[288000:] = low_passed(wav[288000:], 8800)
    flashsr = toy_interface(hiss)
    flashsr.batch_windows = batch_windows
    out = flashsr.super_resolve_batch(wav[None], sample_rate=48000)[0]
    for start, stop, edge in edges:
        inside = slice(int((start + 0.1) * 48000), int((stop - 0.1) * 48000))
        before, after = wav[inside], out[inside]
        if edge is None:
            changed = (after - before).square().mean() / before.square().mean()
            assert 10 * changed.log10() < -60
        else:
            added = level(after - before, 48000, 1.1 * edge, 24000)
            assert added > level(before, 48000, 0, 3000) - 20
            kept = level(after - before, 48000, 0, 0.85 * edge)
            assert kept < level(before, 48000, 0, 0.85 * edge) - 60


def test_each_channel_has_its_own_track(find):
    find([(0, 2, 4000.0)], [(0, 2, None)])
    wide = white(96000)
    call = torch.stack([low_passed(wide, 3900), wide], dim=1)
    out = toy_interface(hiss).super_resolve_batch(
        call[None], sample_rate=48000
    )[0]
    torch.testing.assert_close(out[:, 1], wide, rtol=0, atol=1e-5)
    assert level(out[:, 0], 48000, 5000, 20000) > (
        level(call[:, 0], 48000, 5000, 20000) + 40
    )


@pytest.mark.parametrize("loudness", [0.3, 1.0])
def test_real_highs_keep_their_level(loudness):
    """Bursts with highs, over a bed that ends at 6 kHz."""
    bed = low_passed(white(4 * 48000), 6000)
    wav = bed.clone()
    spans = [slice(s, s + 9600) for s in range(24000, 4 * 48000, 48000)]
    for seed, span in enumerate(spans):
        wav[span] += loudness * white(9600, seed)
    out = toy_interface(hiss).super_resolve_batch(
        wav[None], sample_rate=48000, cutoff=6000
    )[0]
    for span in spans:
        inner = slice(span.start + 1200, span.stop - 1200)
        change = level(out[inner], 48000, 7000, 24000) - level(
            wav[inner], 48000, 7000, 24000
        )
        assert abs(change) < 0.5
    between = slice(spans[0].stop + 4800, spans[1].start - 4800)
    assert level(out[between], 48000, 7000, 24000) > (
        level(wav[between], 48000, 7000, 24000) + 30
    )


def test_a_steady_tone_above_the_edge_stays():
    time = torch.arange(2 * 48000) / 48000
    tone = 1e-3 * torch.sin(2 * torch.pi * 15625 * time)
    wav = low_passed(white(2 * 48000), 6000) + tone
    out = toy_interface(hiss).super_resolve_batch(
        wav[None], sample_rate=48000, cutoff=6000
    )[0]
    before, after = (level(x, 48000, 15620, 15630) for x in (wav, out))
    assert abs(after - before) < 0.5
    assert level(out, 48000, 7000, 15000) > level(wav, 48000, 0, 5000) - 20


@pytest.mark.parametrize("cutoff", [4000, None])
@pytest.mark.parametrize(
    "seconds, orig_rate, rate",
    [
        (0.05, 48000, 48000),
        (0.3, 16000, 44100),
        (3.0, 48000, 44100),
        (0.3, 44100, 96000),
    ],
)
def test_loop_has_no_step_at_its_seam(
    seconds, orig_rate, rate, cutoff, find, tmp_path
):
    """Played twice, it is as smooth at the seam as elsewhere, whether a band
    is added or it is full band."""
    length = round(seconds * orig_rate)
    time = torch.arange(length) / length
    periods = round(3000 * seconds)
    loop = 0.1 * torch.sin(2 * torch.pi * periods * time)

    def high_band(low, noise):
        """The input's rectified form: harmonics that follow it."""
        return low.abs()

    if cutoff is None:
        find([(0, seconds, None)])
    soundfile.write(tmp_path / "loop.wav", loop, orig_rate, "FLOAT")
    out = toy_interface(high_band).enhance_file(
        tmp_path / "loop.wav", cutoff=cutoff, loop=True, rate=rate
    )
    length = round(seconds * rate)
    twice = torch.cat([out, out])
    curvature = twice.diff(n=2).abs()
    seam = curvature[length - 4 : length + 2].max()
    assert seam < 1.1 * curvature[: length - 8].max()
