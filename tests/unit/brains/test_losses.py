"""Spectral losses and discriminators.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import pytest
import torch

from speechbrain_flashsr.brains.losses import (
    DETAIL,
    FineStructureLoss,
    MultiResolutionSTFTLoss,
    SpectrogramDistance,
)
from speechbrain_flashsr.lobes.discriminators import (
    LatentDiscriminator,
    MultiResolutionDiscriminator,
    VocoderDiscriminator,
)
from speechbrain_flashsr.lobes.features import LogMel
from speechbrain_flashsr.metrics import spectral


@pytest.fixture
def noise():
    return torch.randn(2, 9600, generator=torch.Generator().manual_seed(0))


def test_stft_loss_of_half_the_level(noise):
    loss = MultiResolutionSTFTLoss((512, 1024))(0.5 * noise, noise)
    # |S| - |S| / 2 over |S|, and |log(1 / 2)|
    assert loss.item() == pytest.approx(0.5 + math.log(2), rel=1e-3)


def test_loss_stops_at_the_rolloff(noise):
    time = torch.arange(9600) / 48000
    whistle = noise + torch.sin(2 * torch.pi * 18000 * time)
    below = torch.tensor([16000.0, 16000.0])
    above = torch.tensor([20000.0, 20000.0])
    stft = MultiResolutionSTFTLoss()
    assert stft(whistle, noise, below) < 0.05
    assert stft(whistle, noise, above) > 0.3


def test_loss_has_gradients_at_silence():
    silence = torch.zeros(1, 9600, requires_grad=True)
    loss = MultiResolutionSTFTLoss()(silence, torch.zeros(1, 9600))
    loss.backward()
    assert loss.item() == 0
    assert silence.grad.isfinite().all()


@pytest.mark.parametrize("multi_period", [False, True])
def test_vocoder_discriminator_judges_each_resolution(noise, multi_period):
    discriminator = VocoderDiscriminator(
        ((256, 64), (512, 128)), channels=2, multi_period=multi_period
    )
    scores, features = discriminator(noise.unsqueeze(1))
    assert len(scores) == len(features) == (7 if multi_period else 2)
    assert all(score.shape[0] == 2 for score in scores)


def test_discriminators_learn_to_tell_apart(noise):
    torch.manual_seed(0)
    tone = torch.sin(torch.arange(9600) * 0.3).expand(2, 1, -1)
    discriminator = MultiResolutionDiscriminator(((256, 64),), 4)
    optimizer = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    for _ in range(20):
        (real,), _ = discriminator(noise.unsqueeze(1))
        (fake,), _ = discriminator(tone)
        loss = ((real - 1) ** 2).mean() + (fake**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.2


def test_latent_discriminator_judges_patches():
    logits = LatentDiscriminator(16, 8, 3)(torch.randn(2, 16, 16, 32))
    assert logits.shape == (2, 1, 2, 4)


@pytest.fixture(scope="module")
def log_mel():
    return LogMel()


def swelling(noise, amplitude, hz):
    """Noise whose level swings by an amplitude, in natural logarithms."""
    time = torch.arange(noise.shape[-1]) / 48000
    return noise * (amplitude * torch.sin(2 * torch.pi * hz * time)).exp()


def test_fine_structure_is_what_changes_within_a_frame(noise):
    """Pulses at 100 Hz count, with the mean of their swing; a swell of two
    seconds and a whistle below the cut-off do not."""
    loss = FineStructureLoss()
    band = torch.tensor([4000.0] * 2), torch.tensor([16000.0] * 2)
    for amplitude in (0.2, 0.4):
        pulsating = swelling(noise, amplitude, 100)
        expected = pytest.approx(amplitude * 2 / math.pi, rel=0.15)
        assert loss(pulsating, noise, *band).item() == expected
    assert loss(swelling(noise, 1.0, 0.5), noise, *band).item() < 0.01
    time = torch.arange(9600) / 48000
    pulses = (time % 0.01 < 0.005) * torch.sin(2 * torch.pi * 2000 * time)
    assert loss(noise + 0.3 * pulses, noise, *band).item() < 0.05
    lower = torch.tensor([1500.0] * 2), band[1]
    assert loss(noise + 3 * pulses, noise, *lower).item() > 0.05


def test_fine_structure_stops_at_the_rolloff_and_has_gradients(noise):
    loss = FineStructureLoss()
    time = torch.arange(9600) / 48000
    whistle = torch.sin(2 * torch.pi * 18000 * time) * (time % 0.01 < 0.005)
    low, high = torch.tensor([4000.0] * 2), torch.tensor([23000.0] * 2)
    stopped = loss(noise + 3 * whistle, noise, low, torch.tensor([16e3] * 2))
    assert stopped < 0.2 * loss(noise + 3 * whistle, noise, low, high)
    silent = torch.zeros(2, 9600, requires_grad=True)
    loss(silent, noise, low, high).backward()
    assert silent.grad.isfinite().all()
    nothing = loss(noise, noise.flip(1), high, high)
    assert nothing == 0.0
    # Each clip counts as much, however much of it is counted.
    cutoffs = torch.tensor([4000.0, 12000.0])
    both = loss(noise.flip(1), noise, cutoffs, high)
    clips = [slice(0, 1), slice(1, 2)]
    each = [
        loss(noise.flip(1)[clip], noise[clip], cutoffs[clip], high[clip])
        for clip in clips
    ]
    torch.testing.assert_close(both, torch.stack(each).mean())


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


def test_spectrogram_distance_foretells_the_distance_of_two_noises(log_mel):
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


def test_what_is_too_loud_can_count_more(log_mel):
    """Five times as much below 5 kHz, and as much together; the root of it half
    way to 12 kHz; above all is as ever."""
    distance = SpectrogramDistance(log_mel.band_centres())
    centres = log_mel.band_centres()
    target = torch.zeros(1, 1, 3, 256)
    cutoff, rolloff = torch.tensor([4e3]), torch.tensor([20e3])
    weight = torch.tensor([5.0])
    for lowest, highest, loud, soft, tolerance in (
        (4e3, 5e3, 5 / 3, 1 / 3, 1e-4),
        (8.4e3, 8.6e3, 2 / (1 + 5**-0.5), 2 / (1 + 5**0.5), 0.02),
        (12e3, 16e3, 1, 1, 1e-4),
    ):
        inside = (centres > lowest) & (centres < highest)
        for sign, expected in ((1, loud), (-1, soft)):
            predicted = target + sign * inside
            even, weighted = (
                distance(predicted, target, cutoff, rolloff, w)["restored"]
                for w in (None, weight)
            )
            ratio = (weighted**2 - DETAIL) / (even**2 - DETAIL)
            assert ratio.item() == pytest.approx(expected, rel=tolerance)


def test_too_loud_below_the_cutoff_counts_as_ever(log_mel):
    distance = SpectrogramDistance(log_mel.band_centres())
    target = torch.zeros(1, 1, 3, 256)
    cutoff, rolloff = torch.tensor([8e3]), torch.tensor([20e3])
    even, weighted = (
        distance(target + 1, target, cutoff, rolloff, weight)["kept"]
        for weight in (None, torch.tensor([5.0]))
    )
    assert torch.equal(even, weighted)


def test_root_mean_square_counts_bands_by_width(log_mel):
    """Off by 2 of the logarithm of power in a third of the band: 2 sqrt(1/3);
    clip by clip."""
    centres = log_mel.band_centres()
    distance = SpectrogramDistance(centres)
    reference = torch.randn(2, 1, 5, 256)
    offset = torch.stack([centres < 8000, centres < 24000])[:, None, None]
    predicted = reference + math.log(10) * offset
    expected = [2 * (1 / 3) ** 0.5, 2.0]
    measured = distance.root_mean_square(predicted, reference)
    assert measured.tolist() == pytest.approx(expected, rel=0.01)


def test_gradient_of_the_spectrogram_distance_at_no_distance(log_mel):
    distance = SpectrogramDistance(log_mel.band_centres())
    target = torch.zeros(1, 1, 2, 256)
    predicted = target.clone().requires_grad_()
    cutoff, rolloff = torch.tensor([4e3]), torch.tensor([24e3])
    losses = distance(predicted, target, cutoff, rolloff)
    sum(losses.values()).backward()
    assert torch.equal(predicted.grad, torch.zeros_like(target))
