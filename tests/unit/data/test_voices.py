"""Tests of speechbrain_flashsr.data.voices.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import pytest
import scipy.signal

from speechbrain_flashsr.data import voices
from speechbrain_flashsr.data.voices import move_formants

SAMPLE_RATE = 48000
PITCH_HZ = 125


@pytest.fixture
def vowel():
    """Pulses of 125 Hz through resonances at 700 and 5000 Hz, [48000]."""
    wav = np.zeros(SAMPLE_RATE)
    wav[:: SAMPLE_RATE // PITCH_HZ] = 1.0
    for hz in (700, 5000):
        pole = 0.985 * np.exp(2j * np.pi * hz / SAMPLE_RATE)
        wav = scipy.signal.lfilter([1], np.poly([pole, pole.conj()]).real, wav)
    return wav


def spectrum(wav):
    """Levels of the harmonics, [harmonics], of one second."""
    size = np.abs(np.fft.rfft(wav))
    return 20 * np.log10(size[PITCH_HZ::PITCH_HZ] + 1e-9), size


def loudest(levels, low_hz, high_hz):
    """Frequency of the loudest harmonic within limits."""
    hz = PITCH_HZ * np.arange(1, len(levels) + 1)
    inside = (hz > low_hz) & (hz < high_hz)
    return hz[inside][np.argmax(levels[inside])]


@pytest.mark.parametrize("factor", [0.85, 1.18])
def test_formants_move_and_the_pitch_stays(vowel, factor):
    levels, size = spectrum(move_formants(vowel, factor))
    assert abs(loudest(levels, 300, 1500) - factor * 700) <= PITCH_HZ
    assert abs(loudest(levels, 3000, 8000) - factor * 5000) <= 2 * PITCH_HZ
    between = np.delete(size[: 100 * PITCH_HZ], np.s_[::PITCH_HZ])
    assert between.max() < 0.05 * size.max()


def test_envelopes_are_the_cepstrum_s(vowel):
    """The definition, by transforms of whole spectra."""
    window = np.sqrt(scipy.signal.windows.hann(2048, sym=False))
    stft = scipy.signal.ShortTimeFFT(window, 512, SAMPLE_RATE)
    spectra = stft.stft(vowel)
    size = np.abs(spectra)
    log_size = np.log(size + voices.FLOOR * size.max())
    top = int(0.97 * 20000 / (SAMPLE_RATE / 2048))
    log_size[top:] = log_size[top - 40 : top].mean(axis=0)
    cepstra = np.fft.irfft(log_size, axis=0)
    quefrency = np.minimum(np.arange(2048), 2048 - np.arange(2048))
    rising = np.minimum(quefrency / (1.4e-3 * SAMPLE_RATE), 1)
    lifter = 0.5 + 0.5 * np.cos(np.pi * rising)
    envelopes = np.fft.rfft(cepstra * lifter[:, None], axis=0).real
    places = np.arange(1025) / 1.15
    moved = [np.interp(places, np.arange(1025), e) for e in envelopes.T]
    rise = np.stack(moved, 1) - envelopes
    limit = np.log(10 ** (18 / 20))
    expected = stft.istft(
        spectra * np.exp(np.clip(rise, -limit, limit)), k1=len(vowel)
    )
    ours = move_formants(vowel, 1.15, rolloff_hz=20000)
    assert np.abs(ours - expected).max() < 1e-9 * np.abs(vowel).max()


def test_factor_one_changes_nothing(vowel):
    assert np.allclose(move_formants(vowel, 1.0), vowel)


def test_above_the_rolloff_the_level_is_held():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(SAMPLE_RATE)
    low = scipy.signal.sosfiltfilt(
        scipy.signal.butter(12, 12000, fs=SAMPLE_RATE, output="sos"), noise
    )
    low += 1e-3 * noise
    moved = move_formants(low, 1.18, rolloff_hz=12000)
    before, after = (
        np.sum(np.abs(np.fft.rfft(wav))[14500:] ** 2) for wav in (low, moved)
    )
    assert abs(10 * np.log10(after / before)) < 1.0


def test_silence_stays_silence():
    assert not move_formants(np.zeros(SAMPLE_RATE), 1.1).any()
