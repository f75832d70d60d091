"""Edges of spectra drawn by hand.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
import scipy.signal

from speechbrain_flashsr import spectral_edge
from speechbrain_flashsr.degradation import low_pass
from speechbrain_flashsr.spectral_edge import find_edge

HZ = np.arange(1025) * 24000 / 1024


def spectrum(*points, ripple_db=2.0, seed=0):
    """Power per Hz through (Hz, dB) points, with some ripple."""
    level = np.interp(HZ, *np.transpose(points))
    level += ripple_db * np.random.default_rng(seed).standard_normal(len(HZ))
    return 10 ** (level / 10)


@pytest.mark.parametrize("edge_hz", [2000, 4000, 7700, 10000, 15500])
@pytest.mark.parametrize("floor_db", [-140, -110])
def test_a_step_to_the_floor(edge_hz, floor_db):
    """A step to digital silence, and one to strong hiss."""
    power = spectrum(
        (0, -50), (edge_hz, -80), (edge_hz + 100, floor_db), (24000, floor_db)
    )
    assert find_edge(power, 24000.0) == pytest.approx(edge_hz, rel=0.04)


def test_a_smooth_decay_is_no_edge():
    assert find_edge(spectrum((0, -50), (24000, -110)), 24000.0) is None
    into_hiss = spectrum((0, -50), (9000, -100), (24000, -100))
    assert find_edge(into_hiss, 24000.0) is None


def test_a_step_that_signal_follows_is_no_edge():
    power = spectrum(
        (0, -50),
        (5000, -60),
        (5100, -90),
        (9000, -90),
        (12000, -70),
        (24000, -80),
    )
    assert find_edge(power, 24000.0) is None


def test_the_last_of_two_steps_counts():
    power = spectrum(
        (0, -50),
        (3000, -60),
        (3100, -85),
        (9000, -95),
        (9100, -140),
        (24000, -140),
    )
    assert find_edge(power, 24000.0) == pytest.approx(9000, rel=0.04)


def test_what_a_codec_leaves_above_its_edge_does_not_hide_it():
    """Ogg Vorbis at low rates: a fall, and a faint slope for 8 % above it."""
    power = spectrum(
        (0, -60),
        (15900, -83),
        (16000, -104),
        (17200, -144),
        (24000, -144),
    )
    assert find_edge(power, 24000.0) == pytest.approx(15900, rel=0.02)


def test_silence_has_no_edge():
    assert find_edge(np.zeros(1025), 24000.0) is None
    assert find_edge(np.full(1025, 1e-15), 24000.0) is None


def test_aliases_above_a_mirror_do_not_hide_it():
    """Resampling leaves a loud band at 2.5 kHz at 18.5 kHz, too."""
    rng = np.random.default_rng(0)
    loud = scipy.signal.butter(4, (2000, 3000), "band", fs=48000, output="sos")
    wav = 3e-3 * rng.standard_normal(96000)
    wav += scipy.signal.sosfilt(loud, rng.standard_normal(96000))
    low = low_pass(wav / 10, 48000, 16000, "bessel", 2)
    _, power = scipy.signal.welch(low, 48000, nperseg=2048)
    level = 10 * np.log10(power)
    alias = level[abs(HZ - 18500) < 300].mean()
    assert alias > level[abs(HZ - 17900) < 100].mean() + 3
    assert find_edge(power, 24000.0) == pytest.approx(16000, rel=0.01)


def test_a_mirror_that_signal_follows_is_no_edge(monkeypatch):
    """A notch of full-band noise in the very shape of an image: what lies
    beyond it tells them apart."""
    power = spectrum((0, -60), (7900, -70), (9200, -58), (24000, -140))
    level = 10 * np.log10(power)
    axis = 8000 / HZ[1]
    notch = np.arange(int(axis) + 1, int(1.16 * axis))
    distance, gain = spectral_edge._mirror_gain()
    mirrored = np.interp(2 * axis - notch, np.arange(len(HZ)), level)
    mirrored += np.interp((notch - axis) / axis, distance, gain)
    power[notch] = 10 ** (mirrored / 10)
    assert find_edge(power, 24000.0) is None
    monkeypatch.setattr(spectral_edge, "LEAST_FALL_DB", -99.0)
    assert find_edge(power, 24000.0) == pytest.approx(8000, rel=0.01)


def test_a_band_too_narrow_for_edges_has_none():
    power = np.where(np.arange(70) < 30, 1e-6, 1e-14)
    assert find_edge(power, 1600.0) is None
