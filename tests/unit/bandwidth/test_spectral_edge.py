"""Edges of spectra drawn by hand.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest

from speechbrain_flashsr.bandwidth import spectral_edge
from speechbrain_flashsr.bandwidth.spectral_edge import find_edge

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


def image(power, axis, attenuation_db=0.0):
    """A spectrum with the image that scipy's resampling leaves about an axis in
    bins, and floor beyond."""
    level = 10 * np.log10(power)
    above = np.arange(int(axis) + 1, len(level))
    distance, gain = spectral_edge._mirror_gain()
    level[above] = np.interp(2 * axis - above, np.arange(len(HZ)), level)
    level[above] += np.interp((above - axis) / axis, distance, gain)
    level[above] -= attenuation_db
    return 10 ** (np.maximum(level, -140) / 10)


def test_an_axis_that_only_images_follow_is_the_edge():
    """The image alone is no steep edge, and too ragged for a gentle one."""
    axis = 8000 / HZ[1]
    power = image(spectrum((0, -60), (24000, -90), ripple_db=6.0), axis)
    power *= 10 ** (np.random.default_rng(1).normal(0, 0.5, len(HZ)))
    assert find_edge(power, 24000.0) != pytest.approx(8000, rel=0.01)
    edge_hz = find_edge(power, 24000.0, [axis])
    assert edge_hz == pytest.approx(8000, rel=1e-9)


def test_an_axis_that_signal_follows_is_no_edge():
    power = spectrum((0, -60), (24000, -100))
    assert find_edge(power, 24000.0, [8000 / HZ[1]]) is None


def test_an_axis_without_a_fall_is_no_edge():
    power = spectrum((0, -100), (24000, -101))
    assert find_edge(power, 24000.0, [8000 / HZ[1]]) is None


def test_the_first_axis_that_explains_what_is_above_counts():
    axis = 8000 / HZ[1]
    power = image(spectrum((0, -60), (24000, -90)), axis)
    assert find_edge(
        power, 24000.0, [axis / 2, axis, 2 * axis]
    ) == pytest.approx(8000, rel=1e-9)


def test_half_an_axis_is_the_edge_if_nothing_is_between():
    """Speech that ends below the edge has only its bass mirrored, about the
    former rate of twice the edge."""
    quiet = ((6500, -60), (6600, -120), (8000, -120), (8040, -140))
    power = spectrum((0, -60), *quiet, (24000, -140))
    power[abs(HZ - 16000) < 2500] = 10**-12
    edge_hz = find_edge(power, 24000.0, [16000 / HZ[1]])
    assert edge_hz == pytest.approx(8000, rel=1e-9)
    power[(HZ > 8040) & (HZ < 14000)] = 10**-11
    edge_hz = find_edge(power, 24000.0, [16000 / HZ[1]])
    assert edge_hz == pytest.approx(16000, rel=1e-9)


def test_a_band_too_narrow_for_edges_has_none():
    power = np.where(np.arange(70) < 30, 1e-6, 1e-14)
    assert find_edge(power, 1600.0) is None
