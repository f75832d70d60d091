"""Many channels: in groups, each as it would be alone, in bounded memory.

Authors
 * The speechbrain_flashsr developers 2026
"""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

from speechbrain_flashsr.inference.signal_analysis import GROUP
from tests.tiny_model import toy_interface
from tests.unit.signals import pink


def noisy(low, noise):
    """A high band by the channel's own noise."""
    return noise[:, 0, :1, 0] * low.abs()


def test_file_of_many_channels_is_restored_by_groups(tmp_path):
    """The first group is what it would be alone; none is lost or misplaced."""
    channels = GROUP + 3
    wavs = 0.5 * pink(channels, 2000)
    soundfile.write(tmp_path / "many.wav", wavs.T, 16000, "FLOAT")
    soundfile.write(tmp_path / "few.wav", wavs[:GROUP].T, 16000, "FLOAT")
    flashsr = toy_interface(noisy)
    cutoffs = [3000.0 + 100 * channel for channel in range(channels)]
    few = flashsr.enhance_file(tmp_path / "few.wav", cutoff=cutoffs[:GROUP])
    blocks = []
    report = flashsr.super_resolve_file(
        tmp_path / "many.wav",
        tmp_path / "out.wav",
        cutoff=cutoffs,
        on_block=blocks.append,
    )
    many = torch.cat(blocks, dim=1).T
    written, _ = soundfile.read(tmp_path / "out.wav", dtype="float32")
    assert many.shape == (6000, channels) and report.cutoff_hz == cutoffs
    assert torch.equal(many[:, :GROUP], few)
    assert np.array_equal(written, many.numpy())
    for row, restored in zip(wavs, many.T):
        assert torch.corrcoef(torch.stack([row, restored[::3]]))[0, 1] > 0.9


def test_batch_of_many_channels_is_as_the_file(tmp_path):
    wavs = 0.5 * pink(GROUP + 2, 2000)
    soundfile.write(tmp_path / "many.wav", wavs.T, 16000, "FLOAT")
    flashsr = toy_interface(noisy)
    clips = torch.stack([pink(GROUP + 2, 2000, seed=1).T, wavs.T])
    batch = flashsr.super_resolve_batch(clips, sample_rate=16000, cutoff=4000)
    file = flashsr.enhance_file(tmp_path / "many.wav", cutoff=4000)
    torch.testing.assert_close(batch[1], file, rtol=0, atol=1e-5)


def test_groups_do_not_share_their_noise(tmp_path):
    flashsr = toy_interface(noisy)
    same = pink(1, 2000).T.expand(-1, GROUP + 2)[None]
    flashsr.super_resolve_batch(same, sample_rate=16000, cutoff=4000)
    noises = [
        noise.flatten() for _, noise, _ in flashsr.mods["super_resolver"].calls
    ]
    similar = torch.corrcoef(torch.stack(noises))
    assert (similar[:GROUP, :GROUP] > 0.99).all()
    assert similar[:GROUP, GROUP:].abs().max() < 0.1


def test_large_batch_is_restored_in_parts():
    """Each clip gets what it gets alone."""
    flashsr = toy_interface(noisy)
    wavs = pink(GROUP + 1, 1000)
    options = {"sample_rate": 16000, "cutoff": 4000}
    batch = flashsr.super_resolve_batch(wavs, **options)
    for clip in (0, GROUP):
        alone = flashsr.super_resolve_batch(wavs[clip], **options)
        torch.testing.assert_close(batch[clip], alone, rtol=0, atol=1e-5)


MEMORY = """
import collections, resource, sys, torch
from tests.tiny_model import toy_interface
torch.set_num_threads(1)
flashsr = toy_interface()
flashsr.mods.super_resolver.calls = collections.deque(maxlen=1)
for name in sys.argv[1:]:
    flashsr.super_resolve_file(name, on_block=len, cutoff=3000)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_is_flat_in_the_channels(tmp_path):
    """In MB. All 32 channels at once took 190 more than 16."""
    paths = [tmp_path / "few.wav", tmp_path / "many.wav"]
    for path, channels in zip(paths, (GROUP, 2 * GROUP)):
        soundfile.write(path, 0.1 * pink(channels, 1600).T, 8000)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
    )
    few, many = map(int, done.stdout.split())
    assert many - few < 80
