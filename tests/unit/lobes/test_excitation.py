"""Noise in the shape of a spectrogram.

Authors
 * The speechbrain_flashsr developers 2026
"""

import pytest
import torch

from speechbrain_flashsr.lobes.excitation import ShapedNoise, fine_envelope
from speechbrain_flashsr.lobes.features import LogMel
from speechbrain_flashsr.lobes.vocoder import SRVocoder

TIME = 48000


@pytest.fixture(scope="module")
def log_mel():
    return LogMel()


@pytest.fixture(scope="module")
def white():
    return torch.randn(2, TIME, generator=torch.Generator().manual_seed(0))


def test_noise_follows_a_spectrogram_in_time_and_frequency(log_mel, white):
    bands = torch.linspace(0, 1, 256)[:, None]
    frames = torch.linspace(0, 1, TIME // 480)
    mel = -4 - 2 * bands + torch.sin(6 * torch.pi * frames)
    noise = ShapedNoise(log_mel)(mel[None].expand(2, -1, -1), 0 * white, white)
    assert noise.shape == white.shape
    error = log_mel(noise)[:, 0].transpose(1, 2) - mel
    # The lowest bands are narrower than a bin of the transform.
    error = error[:, 80:, 3:-3]
    assert error.mean().abs() < 0.05
    assert error.std() < 0.3
    assert error.mean(dim=2).std() < 0.05 and error.mean(dim=1).std() < 0.1


def test_only_what_is_missing_is_added(log_mel, white):
    """Where the waveform is as loud as the spectrogram, nothing is."""
    spectrum = torch.fft.rfft(0.01 * white)
    spectrum[:, spectrum.shape[1] // 2 :] = 0  # nothing above 12 kHz
    low = torch.fft.irfft(spectrum)
    mel = log_mel(0.01 * white.flip(0))[:, 0].transpose(1, 2)
    noise = ShapedNoise(log_mel)(mel - 0.7, low, white.flip(1))
    power = torch.fft.rfft(noise).abs().square().mean(0)
    hz = torch.linspace(0, 24000, len(power))
    below = power[(hz > 2000) & (hz < 11500)].mean()
    above = power[(hz > 12500) & (hz < 23000)].mean()
    assert below < 0.15 * above
    low_power = torch.fft.rfft(low).abs().square().mean(0)
    # 0.7 below in natural logarithms of magnitudes is 6 dB.
    ratio = above / low_power[(hz > 2000) & (hz < 11500)].mean()
    assert 0.15 < ratio < 0.35


def test_its_spectrogram_is_more_even_than_white_noise(log_mel, white):
    mel = torch.full((2, 256, TIME // 480), -4.0)
    shaped = ShapedNoise(log_mel)(mel, 0 * white, white)

    def deviation_db(wavs):
        spectrum = torch.stft(
            wavs, 2048, 512, window=torch.hann_window(2048), return_complex=True
        )
        return (20 * spectrum[:, 100:900].abs().log10()).std().item()

    assert deviation_db(white) == pytest.approx(5.57, abs=0.1)
    assert deviation_db(shaped) < 3.1


def test_silence_stays_silent(log_mel, white):
    """However loud the spectrogram is by mistake; a faint hiss is no silence."""
    torch.manual_seed(0)
    vocoder = SRVocoder(
        256,
        32,
        kernel_sizes=(3,),
        dilations=(1,),
        shaped_noise=ShapedNoise(log_mel),
    )
    mel = torch.full((2, 256, TIME // 480), -8.0)
    low = 1e-4 * white.flip(1)
    low[:, TIME // 2 :] = 0.01  # a constant offset
    output = vocoder(mel, low, white)
    assert (output[:, TIME // 2 + 2400 :] == 0.01).all()
    sounding = output[:, : TIME // 2] - low[:, : TIME // 2]
    assert sounding.unflatten(1, (-1, 480)).square().mean(2).sqrt().min() > 1e-4


def test_gradients_reach_the_spectrogram_and_are_finite(log_mel, white):
    mel = torch.full((2, 256, TIME // 480), -30.0)  # as good as nothing
    mel[0] = -3.0
    mel.requires_grad_()
    noise = ShapedNoise(log_mel)(mel, 0.01 * white, white.flip(1))
    noise.abs().sum().backward()
    assert mel.grad.isfinite().all()
    assert mel.grad[0].abs().sum() > 0
    nothing = torch.full((2, 256, TIME // 480), -60.0, requires_grad=True)
    noise = ShapedNoise(log_mel)(nothing, 0 * white, white.flip(1))
    noise.abs().sum().backward()
    assert nothing.grad.isfinite().all()


def test_noise_sounds_when_the_spectrogram_says(log_mel, white):
    """A frame of the spectrogram is in the middle of its hop."""
    mel = torch.full((2, 256, TIME // 480), -12.0)
    mel.unflatten(2, (-1, 10))[..., 5:] = -3.0  # every other 50 ms
    noise = ShapedNoise(log_mel)(mel, 0 * white, white)
    cycles = noise.square().mean(0).unflatten(0, (-1, 4800))[1:-1].mean(0)
    angle = torch.fft.rfft(cycles)[1].angle() / (2 * torch.pi)
    middle = -angle.item() % 1 * 4800
    assert middle == pytest.approx(7.5 * 480, abs=100)


def test_noise_stays_in_single_precision(log_mel, white):
    mel = torch.full((2, 256, TIME // 480), -4.0)
    shape = ShapedNoise(log_mel)
    expected = shape(mel, 0.001 * white, white.flip(1))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(shape(mel, 0.001 * white, white.flip(1)), expected)


def test_fine_envelope_follows_pulses(white):
    """Of noise that pulsates at 100 Hz, in phase and by its own swing; the
    overall level and a swell of a second do not matter."""
    time = torch.arange(TIME) / 48000
    swing = torch.sin(2 * torch.pi * 100 * time)
    steady = fine_envelope(white)
    envelope = fine_envelope(0.01 * white * (0.7 * swing).exp())
    assert envelope.shape == (2, TIME)
    inner = slice(3000, -3000)
    carried = (envelope - steady)[..., inner]
    slope = (carried * swing[inner]).mean(-1) / (swing[inner] ** 2).mean()
    # A mean over 1.5 ms flattens the swing a little.
    assert ((slope > 0.6) & (slope < 0.72)).all()
    rest = carried - slope[:, None] * swing[inner]
    assert rest.std() < 0.1
    swell = fine_envelope(white * (1 + 0.9 * torch.sin(6.28 * time)))
    assert (swell - steady)[..., inner].abs().max() < 0.1


def test_fine_envelope_of_gaps_is_limited(white):
    """Between clicks there is nothing: it is not taken for endlessly quiet."""
    clicks = torch.zeros(1, TIME)
    clicks[:, ::2000] = 1.0
    envelope = fine_envelope(clicks)
    assert -3.5 < envelope.min() < -1.0
    assert envelope.max() > 0.5


def test_fine_envelope_stays_in_single_precision(white):
    with torch.autocast("cpu", torch.bfloat16):
        envelope = fine_envelope(white)
    assert torch.equal(envelope, fine_envelope(white))


def test_fine_envelope_of_silence_and_gradients():
    silent = torch.zeros(1, 4800, requires_grad=True)
    envelope = fine_envelope(silent)
    assert envelope.abs().max() < 1e-3
    envelope.square().sum().backward()
    assert silent.grad.isfinite().all()


def test_vocoder_starts_from_waveform_and_noise(log_mel, white):
    torch.manual_seed(0)
    shaped_noise = ShapedNoise(log_mel)
    vocoder = SRVocoder(
        256, 32, kernel_sizes=(3,), dilations=(1,), shaped_noise=shaped_noise
    )
    assert vocoder.needs_excitation
    assert not any("shaped_noise" in name for name in vocoder.state_dict())
    mel = torch.full((2, 256, TIME // 480), -4.0)
    low = 0.01 * white.flip(1)
    output = vocoder(mel, low, white)
    with torch.no_grad():
        vocoder.conv_out.parametrizations.weight.original0.zero_()
        vocoder.conv_out.bias.zero_()
    start = vocoder(mel, low, white)
    assert not torch.allclose(output, start, atol=1e-3)
    noise = shaped_noise(mel, low, white)
    torch.testing.assert_close(start, low + noise)
    with torch.no_grad():  # gain and depth
        vocoder.conv_out.bias.copy_(torch.tensor([0.5, 0.9]).atanh())
    modulated = 2 * noise * (0.9 * fine_envelope(low)).exp()
    output = vocoder(mel, low, white)
    assert (modulated - noise).abs().max() > 0.1 * noise.abs().max()
    torch.testing.assert_close(output, low + modulated)


def test_missing_excitation_is_named(log_mel, white):
    vocoder = SRVocoder(
        256,
        32,
        kernel_sizes=(3,),
        dilations=(1,),
        shaped_noise=ShapedNoise(log_mel),
    )
    mel = torch.zeros(2, 256, TIME // 480)
    with pytest.raises(ValueError, match=r"shape \[2, 48000\].*got none"):
        vocoder(mel, white)
    with pytest.raises(ValueError, match=r"got \[2, 100\]"):
        vocoder(mel, white, white[:, :100])
