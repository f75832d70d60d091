"""Spectral losses and discriminators.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import pytest
import torch

from speechbrain_flashsr.brains.losses import (
    DETAIL,
    BandLevelLoss,
    MultiResolutionSTFTLoss,
    SpectrogramDistance,
)
from speechbrain_flashsr.lobes.discriminators import (
    BandDiscriminator,
    PatchDiscriminator,
    SpectrumDiscriminator,
    VocoderDiscriminator,
)
from speechbrain_flashsr.lobes.features import LogMel
from speechbrain_flashsr.metrics import spectral


@pytest.fixture
def noise():
    return torch.randn(2, 9600, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def log_mel():
    return LogMel()


LOWER = torch.tensor([4000.0, 4000.0])


def test_stft_loss_of_half_the_level(noise):
    """The logarithm of 2, and 1 - 2 ** -0.3 of the compressed magnitudes."""
    loss = MultiResolutionSTFTLoss((512,))
    measured = loss(0.5 * noise, noise, LOWER).item()
    compressed = loss.magnitudes(noise, 512)[:, 43:].pow(0.3).mean().item()
    expected = math.log(2) + (1 - 2**-0.3) * compressed
    assert measured == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("loss", [MultiResolutionSTFTLoss(), BandLevelLoss()])
def test_losses_begin_at_a_frequency(loss, noise):
    time = torch.arange(9600) / 48000
    whistle = noise + 3 * torch.sin(2 * torch.pi * 7500 * time)
    assert loss(whistle, noise, LOWER + 8000) < 0.05
    assert loss(whistle, noise, LOWER) > 0.1


def test_loss_has_gradients_at_silence():
    silence = torch.zeros(2, 9600, requires_grad=True)
    for loss in (MultiResolutionSTFTLoss(), BandLevelLoss()):
        value = loss(silence, torch.zeros(2, 9600), LOWER)
        value.backward()
        assert value.item() == 0
        assert silence.grad.isfinite().all()


def test_level_loss_is_that_of_whole_segments(noise):
    """A burst and a steady noise of the same energy have the same level."""
    burst = noise * (torch.arange(9600) < 2400) * 2
    assert BandLevelLoss()(burst, noise, LOWER) < 0.1
    assert MultiResolutionSTFTLoss()(burst, noise, LOWER) > 1


@pytest.mark.parametrize("multi_period", [False, True])
def test_vocoder_discriminator_judges_each_resolution(
    noise, log_mel, multi_period
):
    discriminator = VocoderDiscriminator(
        log_mel, ((256, 64), (512, 128)), 2, 2, multi_period=multi_period
    )
    scores, features = discriminator(noise, noise)
    assert len(scores) == len(features) == (8 if multi_period else 3)
    assert all(score.shape[0] == 2 for score in scores)


def learn(discriminator, real, fake):
    """Trains to tell inputs apart; returns the last loss."""
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    for _ in range(20):
        real_score, _ = discriminator(*real)
        fake_score, _ = discriminator(*fake)
        loss = ((real_score - 1) ** 2).mean() + (fake_score**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def test_discriminators_learn_to_tell_apart(noise, log_mel):
    torch.manual_seed(0)
    tone = torch.sin(torch.arange(9600) * 0.3).expand(2, -1)
    assert learn(SpectrumDiscriminator(256, 64, 4), [noise], [tone]) < 0.2
    # The same waveform beside a band-limited copy of its own or of another.
    band = BandDiscriminator(log_mel, 4)
    assert learn(band, [noise, noise], [noise, tone]) < 0.2


def test_latent_discriminator_judges_patches():
    logits = PatchDiscriminator(16, 8, 3)(torch.randn(2, 16, 16, 32))
    assert logits.shape == (2, 1, 2, 4)


def test_spectrogram_distance_is_the_log_spectral_distance(log_mel):
    """An even error of a smooth spectrum: both measure its rms over Hz."""
    generator = torch.Generator().manual_seed(0)
    wavs = torch.randn(1, 48000, generator=generator)
    spectrum = torch.fft.rfft(wavs)
    hz = torch.linspace(0, 24000, spectrum.shape[1])
    ripple_db = 10 * torch.sin(2 * torch.pi * hz / 6000)
    other = torch.fft.irfft(spectrum * 10 ** (ripple_db / 20))
    distance = SpectrogramDistance(log_mel.band_centres())
    cutoff, rolloff = torch.tensor([4000.0]), torch.tensor([20000.0])
    losses = distance(log_mel(other), log_mel(wavs), cutoff, rolloff)
    without_detail = math.sqrt(losses["restored"].item() ** 2 - DETAIL)
    expected = spectral.lsd(other, wavs, 0.9 * cutoff, rolloff).item()
    assert without_detail == pytest.approx(expected, rel=0.05)


def test_spectrogram_distance_approximates_the_distance_of_two_noises(log_mel):
    """Noises of different levels: the detail is part of the distance."""
    generator = torch.Generator().manual_seed(0)
    one, two = torch.randn(2, 1, 96000, generator=generator)
    two = 4 * two
    distance = SpectrogramDistance(log_mel.band_centres())
    cutoff, rolloff = torch.tensor([4000.0]), torch.tensor([20000.0])
    smooth = [
        log_mel(wavs).mean(dim=2, keepdim=True).expand(-1, -1, 9, -1)
        for wavs in (one, two)
    ]
    losses = distance(*smooth, cutoff, rolloff)
    expected = spectral.lsd(one, two, 0.9 * cutoff, rolloff).item()
    assert losses["restored"].item() == pytest.approx(expected, rel=0.03)


def test_regions_of_the_spectrogram_distance(log_mel):
    distance = SpectrogramDistance(log_mel.band_centres())
    centres = log_mel.band_centres()
    target = torch.zeros(2, 1, 4, 256)
    cutoff, rolloff = torch.tensor([4e3, 8e3]), torch.tensor([16e3, 20e3])
    for index in range(2):
        predicted = target.clone()
        inside = (centres >= 0.9 * cutoff[index]) & (centres < rolloff[index])
        predicted[index, ..., inside] = math.log(10) / 2  # 10 dB
        losses = distance(predicted, target, cutoff, rolloff)
        none, some = math.sqrt(DETAIL), math.sqrt(1 + DETAIL)
        assert losses["restored"].item() == pytest.approx((none + some) / 2)
        assert losses["kept"].item() == pytest.approx(none)
        assert losses["beyond"].item() == pytest.approx(none)


def test_quiet_frames_count_less(log_mel):
    distance = SpectrogramDistance(log_mel.band_centres(), quiet_weight=0.25)
    target = torch.zeros(1, 1, 2, 256)
    target[:, :, 1] = -5.0  # 43 dB below
    predicted = target.clone()
    predicted[:, :, 1] += math.log(10) / 2
    cutoff, rolloff = torch.tensor([4e3]), torch.tensor([20e3])
    losses = distance(predicted, target, cutoff, rolloff)
    none, some = math.sqrt(DETAIL), math.sqrt(1 + DETAIL)
    expected = (none + 0.25 * some) / 1.25
    assert losses["restored"].item() == pytest.approx(expected)


def test_gradient_of_the_spectrogram_distance_at_no_distance(log_mel):
    distance = SpectrogramDistance(log_mel.band_centres())
    target = torch.zeros(1, 1, 2, 256)
    predicted = target.clone().requires_grad_()
    cutoff, rolloff = torch.tensor([4e3]), torch.tensor([24e3])
    losses = distance(predicted, target, cutoff, rolloff)
    sum(losses.values()).backward()
    assert torch.equal(predicted.grad, torch.zeros_like(target))
