"""Latents cached on disk.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json

import pytest
import torch

from speechbrain_flashsr.data import latents
from speechbrain_flashsr.lobes.autoencoder import Autoencoder
from speechbrain_flashsr.lobes.features import LogMel, extend_band

LENGTH = 30720


class Segments(torch.utils.data.Dataset):
    """Noise, different for each draw; counts what was asked for."""

    segment_length = LENGTH
    domains = {"speech": None, "music": None}

    def __init__(self, length):
        self.length = length
        self.asked = []

    def __len__(self):
        return self.length

    def __getitem__(self, draw):
        self.asked.append(draw)
        generator = torch.Generator().manual_seed(draw)
        high = torch.randn(LENGTH, generator=generator)
        return {
            "id": str(draw),
            "high": high,
            "low": 0.1 * high,
            "rolloff_hz": 17000.0,
            "domain": ("speech", "music")[draw % 2],
        }


@pytest.fixture
def models():
    torch.manual_seed(0)
    return LogMel(), Autoencoder(4, (1, 1, 1, 1), 1, 1, groups=2).eval()


def cache(folder, models, segments, is_over=None):
    return latents.cache_latents(
        segments, *models, folder, len(segments), batch_size=2, is_over=is_over
    )


def contents(folder):
    """The files of a cache: {name: bytes}."""
    return {path.name: path.read_bytes() for path in folder.glob("*.safe*")}


def test_cached_latents_are_those_of_the_encoder(tmp_path, models):
    segments = Segments(3)
    cache(tmp_path, models, segments)
    features, autoencoder = models
    pairs = latents.LatentPairs(tmp_path, num_draws=7)
    assert len(pairs) == 7
    item = segments[1]
    high, low = item["high"][None], item["low"][None]
    mel = extend_band(
        features(high), torch.tensor([17000.0]), features.band_centres()
    )
    with torch.no_grad():
        z_high = autoencoder.encode(mel)[0]
        z_low = autoencoder.encode(features(low))[0]
    for draw in (1, 4):
        pair = pairs[draw]
        assert pair["id"] == str(draw)
        torch.testing.assert_close(pair["z_high"], z_high, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(pair["z_low"], z_low, rtol=1e-3, atol=1e-3)
        assert pair["domain"] == "music"
    assert pairs[2]["domain"] == "speech"


def test_interrupted_cache_goes_on(tmp_path, models):
    class Broken(Segments):
        def __getitem__(self, draw):
            if draw == 3:
                raise OSError("the disk has gone")
            return super().__getitem__(draw)

    with pytest.raises(OSError, match="the disk has gone"):
        cache(tmp_path, models, Broken(5))
    assert len(latents.LatentPairs(tmp_path)) == 2

    segments = Segments(5)
    cache(tmp_path, models, segments)
    assert segments.asked == [2, 3, 4]
    complete = Segments(5)
    cache(tmp_path, models, complete)
    assert complete.asked == []

    whole = tmp_path / "whole"
    cache(whole, models, complete)
    assert contents(tmp_path) == contents(whole)


def test_encoding_ends_when_its_time_is_over(tmp_path, models):
    answers = iter([False, True])
    segments = Segments(7)
    assert cache(tmp_path, models, segments, lambda: next(answers)) == 4
    assert segments.asked == [0, 1, 2, 3]
    pairs = latents.LatentPairs(tmp_path, num_draws=7)
    for name in ("z_high", "z_low"):
        assert torch.equal(pairs[4][name], pairs[0][name])
        assert not torch.equal(pairs[3][name], pairs[0][name])

    assert cache(tmp_path, models, segments, lambda: True) == 2
    assert cache(tmp_path, models, segments) == 1
    assert segments.asked == list(range(7))
    assert cache(tmp_path, models, segments) == 0


def test_other_weights_replace_the_cache(tmp_path, models):
    cache(tmp_path, models, Segments(2))
    before = contents(tmp_path)
    with torch.no_grad():
        models[1].scale.mul_(2)
    segments = Segments(2)
    cache(tmp_path, models, segments)
    assert segments.asked == [0, 1]
    assert contents(tmp_path).keys() == before.keys()
    assert contents(tmp_path) != before


def test_domains_are_cached(tmp_path, models):
    cache(tmp_path, models, Segments(2))
    pairs = latents.LatentPairs(tmp_path)
    items = [pairs[0], pairs[1]]
    assert [item["domain"] for item in items] == ["speech", "music"]


def _cache_in_process(rank, store, folder):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2
    )
    torch.manual_seed(0)
    autoencoder = Autoencoder(4, (1, 1, 1, 1), 1, 1, groups=2).eval()
    segments = Segments(7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RANK", str(rank))
        cache(folder, (LogMel(), autoencoder), segments)
    (folder / f"asked_{rank}.json").write_text(json.dumps(segments.asked))


def test_processes_share_the_work(tmp_path, models):
    cache(tmp_path / "one", models, Segments(7))
    (tmp_path / "two").mkdir()
    torch.multiprocessing.start_processes(
        _cache_in_process,
        (tmp_path / "store", tmp_path / "two"),
        nprocs=2,
        start_method="fork",
    )
    asked = [
        json.loads((tmp_path / "two" / f"asked_{rank}.json").read_text())
        for rank in (0, 1)
    ]
    assert asked == [[0, 1, 4, 5], [2, 3, 6]]
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
