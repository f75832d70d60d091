"""The front-end before SpeechBrain's interfaces, after one, and in a YAML.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math

import pytest
import soundfile
import torch
from speechbrain.dataio.preprocess import AudioNormalizer

from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.inference import (
    AudioError,
    SuperResolutionFrontEnd,
    enhance_and_restore,
)
from tests.tiny_model import toy_interface
from tests.tiny_pipelines import tiny_pipeline


def tone(low, noise):
    """The known high band that the toy model adds: 6 kHz."""
    time = torch.arange(low.shape[1]) / 48000
    return 0.2 * torch.sin(2 * math.pi * 6000 * time).expand_as(low)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """(rate, channels, band in Hz) -> path of 0.6 s of noise."""
    folder = tmp_path_factory.mktemp("recordings")
    generator = torch.Generator().manual_seed(0)
    paths = {}
    for rate in (8000, 16000, 44100, 48000):
        for channels in (1, 2):
            for band in {4000, rate // 2}:
                wavs = 0.1 * torch.randn(
                    channels, int(1.2 * band), generator=generator
                )
                wavs = Resampler(2 * band, rate)(wavs)
                path = folder / f"{rate}_{channels}_{band}.wav"
                soundfile.write(path, wavs.T.numpy(), rate, subtype="FLOAT")
                paths[rate, channels, band] = str(path)
    return paths


def level(wavs, low, high):
    """Mean power of [..., time] at 16 kHz between two frequencies."""
    power = torch.fft.rfft(wavs).abs().square() / wavs.shape[-1] ** 2
    frequency = torch.linspace(0, 8000, power.shape[-1])
    return power[..., (frequency > low) & (frequency < high)].sum(-1).mean()


def heard_by(module, call, path):
    """The input of a module in a call, as one signal."""
    heard = []
    hook = module.register_forward_pre_hook(
        lambda module, inputs: heard.append(inputs[0].flatten())
    )
    try:
        call(path)
    finally:
        hook.remove()
    return torch.cat(heard)


def test_recogniser_hears_what_is_missing_and_nothing_else(
    recordings, tmp_path
):
    asr = tiny_pipeline("EncoderDecoderASR", tmp_path)
    front_end = SuperResolutionFrontEnd(toy_interface(tone), sample_rate=16000)
    for (rate, channels, band), path in recordings.items():
        sounds = []
        for normalizer in AudioNormalizer(16000), front_end:
            asr.audio_normalizer = normalizer
            sounds.append(
                heard_by(asr.mods.encoder, asr.transcribe_file, str(path))
            )
        before, after = sounds
        assert before.shape == after.shape
        if band == 4000:
            assert level(after, 5900, 6100) > 1e-4
            assert level(before, 5900, 6100) < 1e-7
        else:
            assert torch.equal(before, after)


def test_vad_finds_segments_in_any_file(recordings, tmp_path):
    vad = tiny_pipeline("VAD", tmp_path)
    path = recordings[44100, 2, 4000]
    with pytest.raises(ValueError, match="sample rate"):
        vad.get_speech_segments(path)
    front_end = SuperResolutionFrontEnd(toy_interface(tone), sample_rate=16000)
    always = {"activation_th": 0.1, "deactivation_th": 0.05, "speech_th": 0.1}
    with front_end.prepared(path) as prepared:
        boundaries = vad.get_speech_segments(prepared, **always)
        segments = vad.get_segments(boundaries, prepared)
    assert boundaries.shape == (1, 2)
    assert boundaries[0, 1] == pytest.approx(0.6, abs=0.05)
    assert level(segments[0], 5900, 6100) > 1e-4


def test_vad_without_a_need_gives_identical_segments(recordings, tmp_path):
    vad = tiny_pipeline("VAD", tmp_path)
    path = recordings[16000, 1, 8000]
    expected = vad.get_speech_prob_file(path)
    front_end = SuperResolutionFrontEnd(toy_interface(tone), sample_rate=16000)
    with front_end.prepared(path) as prepared:
        assert torch.equal(vad.get_speech_prob_file(prepared), expected)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_after_an_enhancement(rate, channels, recordings, tmp_path):
    enhancer = tiny_pipeline("SpectralMaskEnhancement", tmp_path)
    path = recordings[rate, channels, 4000]
    output = tmp_path / "restored.wav"
    wavs = enhance_and_restore(enhancer, toy_interface(tone), path, output)
    frames = soundfile.info(path).frames
    shape = (round(frames * 48000 / rate),) + (2,) * (channels == 2)
    assert wavs.shape == shape
    info = soundfile.info(output)
    assert (info.samplerate, info.channels) == (48000, channels)
    assert (info.frames, info.subtype) == (shape[0], "FLOAT")
    # Each channel was enhanced by itself: its low band is the enhancer's.
    audio = torch.from_numpy(
        soundfile.read(path, dtype="float32", always_2d=True)[0]
    )
    noisy = AudioNormalizer(16000, "keep")(audio, rate).T.contiguous()
    for channel, enhanced in zip(wavs.view(-1, channels).T, noisy):
        enhanced = Resampler(16000, 48000)(
            enhancer.enhance_batch(enhanced[None], torch.ones(1))
        )[0, : len(channel)]
        inner = slice(3000, -3000)
        spectra = torch.fft.rfft(torch.stack([channel, enhanced])[:, inner])
        spectra = spectra[:, : spectra.shape[1] // 8]  # up to 3 kHz
        error = (spectra[0] - spectra[1]).norm() / spectra[1].norm()
        assert error < 0.02


def test_after_an_enhancement_texts_are_kept(tmp_path):
    enhancer = tiny_pipeline("SpectralMaskEnhancement", tmp_path)
    path, output = tmp_path / "noisy.flac", tmp_path / "restored.flac"
    with soundfile.SoundFile(path, "w", 16000, 1) as file:
        file.title = "A call"
        file.write(0.1 * torch.randn(8000).numpy())
    enhance_and_restore(enhancer, toy_interface(), path, output)
    with soundfile.SoundFile(output) as file:
        assert file.title == "A call"


def test_after_an_enhancement_wrong_files_are_clear_errors(tmp_path):
    enhancer = tiny_pipeline("SpectralMaskEnhancement", tmp_path)
    path = tmp_path / "noisy.wav"
    soundfile.write(path, 0.1 * torch.randn(8000).numpy(), 8000)
    before = path.read_bytes()
    empty = tmp_path / "empty.wav"
    empty.touch()
    for source, output, words in (
        (path, path, "is the input itself"),
        (path, tmp_path / "out.mp3", "extension is '.mp3'"),
        (tmp_path / "gone.wav", None, "There is no file"),
        (empty, None, "is empty"),
    ):
        with pytest.raises(AudioError, match=words):
            enhance_and_restore(enhancer, toy_interface(), source, output)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("out*"))
