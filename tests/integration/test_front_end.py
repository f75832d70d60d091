"""The front-end before SpeechBrain's interfaces, after one, and in a YAML.

Authors
 * The speechbrain_flashsr developers 2026
"""

import math
import os
import re

import pytest
import soundfile
import torch
from speechbrain.dataio.preprocess import AudioNormalizer
from speechbrain.inference.ASR import EncoderDecoderASR
from speechbrain.inference.enhancement import SpectralMaskEnhancement
from speechbrain.inference.separation import SepformerSeparation
from speechbrain.utils.dynamic_chunk_training import DynChunkTrainConfig

from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.inference import (
    AudioError,
    FlashSR,
    SuperResolutionFrontEnd,
    enhance_and_restore,
    prepend,
    remove,
)
from tests.tiny_model import save_tiny_model, toy_interface
from tests.tiny_pipelines import save_tiny_pipeline, tiny_pipeline

STREAMING = {"dynchunktrain_config": DynChunkTrainConfig(16, 1)}

# Interface -> file method, further arguments, the module that hears first.
INTERFACES = {
    "EncoderASR": ("transcribe_file", {}, lambda p: p.mods.encoder),
    "EncoderDecoderASR": ("transcribe_file", {}, lambda p: p.mods.encoder),
    "StreamingASR": (
        "transcribe_file",
        STREAMING,
        lambda p: p.hparams.fea_streaming_extractor,
    ),
    "WhisperASR": ("transcribe_file", {}, lambda p: p.mods.whisper.fbank),
    "SpectralMaskEnhancement": (
        "enhance_file",
        {},
        lambda p: p.hparams.compute_stft,
    ),
    "WaveformEnhancement": (
        "enhance_file",
        {},
        lambda p: p.mods.enhance_model,
    ),
    "EncoderClassifier": (
        "classify_file",
        {},
        lambda p: p.mods.compute_features,
    ),
    "SpeakerRecognition": (
        "classify_file",
        {},
        lambda p: p.mods.compute_features,
    ),
    "AudioClassifier": ("classify_file", {}, lambda p: p.mods.compute_stft),
    "SepformerSeparation": ("separate_file", {}, lambda p: p.mods.encoder),
    "VAD": ("get_speech_prob_file", {}, lambda p: p.mods.compute_features),
}

# Interfaces that cannot read every file without a front-end.
REFUSING = ("StreamingASR", "VAD")


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


def listen(interface, name, path):
    """Calls the file method; what came out and what the model heard."""
    method, arguments, first = INTERFACES[name]
    heard = []
    hook = first(interface).register_forward_pre_hook(
        lambda module, inputs: heard.append(inputs[0].clone())
    )
    try:
        result = getattr(interface, method)(path, **arguments)
    finally:
        hook.remove()
    return result, heard


def equal(first, second):
    if torch.is_tensor(first):
        return torch.equal(first, second)
    if isinstance(first, list | tuple):
        return all(equal(a, b) for a, b in zip(first, second, strict=True))
    if hasattr(first, "words"):
        return first.words == second.words
    return first == second


def level(wavs, low, high):
    """Mean power of [..., time] at 16 kHz between two frequencies."""
    power = torch.fft.rfft(wavs).abs().square() / wavs.shape[-1] ** 2
    frequency = torch.linspace(0, 8000, power.shape[-1])
    return power[..., (frequency > low) & (frequency < high)].sum(-1).mean()


@pytest.mark.parametrize("name", INTERFACES)
def test_every_interface_hears_through_it(name, recordings, tmp_path):
    plain = tiny_pipeline(name, tmp_path)
    wrapped = tiny_pipeline(name, tmp_path)
    front_end = SuperResolutionFrontEnd(toy_interface(tone))
    prepend(front_end, wrapped)
    for (rate, channels, band), path in recordings.items():
        result, heard = listen(wrapped, name, path)
        narrow = band == 4000
        if name in REFUSING:
            # What the interface is meant to hear of a 16 kHz mono file.
            audio = torch.from_numpy(
                soundfile.read(path, dtype="float32", always_2d=True)[0]
            )
            expected = AudioNormalizer(16000)(audio, rate)
            joined = torch.cat([wav.flatten() for wav in heard])
            assert len(joined) >= len(expected)
            assert not joined[len(expected) :].any()
            expected = [expected]
            heard = [joined[: len(expected[0])]]
        else:
            expected_result, expected = listen(plain, name, path)
        assert [wav.shape for wav in heard] == [wav.shape for wav in expected]
        for before, after in zip(expected, heard):
            if narrow:
                assert level(after, 5900, 6100) > 1e-4
                assert level(before, 5900, 6100) < 1e-7
            else:
                assert torch.equal(before, after)
        if name not in REFUSING and not narrow:
            assert equal(result, expected_result)
    # Taken away again, nothing of it is left.
    remove(wrapped)
    path = recordings[16000, 1, 4000]
    if name == "StreamingASR":
        return
    assert equal(listen(wrapped, name, path)[0], listen(plain, name, path)[0])


def test_vad_finds_segments_in_any_file(recordings, tmp_path):
    vad = tiny_pipeline("VAD", tmp_path)
    path = recordings[44100, 2, 4000]
    with pytest.raises(ValueError, match="sample rate"):
        vad.get_speech_segments(path)
    front_end = SuperResolutionFrontEnd(toy_interface(tone))
    prepend(front_end, vad)
    always = {"activation_th": 0.1, "deactivation_th": 0.05, "speech_th": 0.1}
    boundaries = vad.get_speech_segments(path, **always)
    assert boundaries.shape == (1, 2)
    assert boundaries[0, 1] == pytest.approx(0.6, abs=0.05)
    # One pass of the model: the inner calls hear the file made for the outer.
    assert len(front_end.sr.mods.super_resolver.calls) == 1
    segments = vad.get_segments(boundaries, path)
    assert level(segments[0], 5900, 6100) > 1e-4
    assert vad.upsample_boundaries(boundaries, path).shape == (1, 9600)


def test_vad_without_a_need_gives_identical_segments(recordings, tmp_path):
    vad = tiny_pipeline("VAD", tmp_path)
    path = recordings[16000, 1, 8000]
    expected = vad.get_speech_prob_file(path)
    prepend(SuperResolutionFrontEnd(toy_interface(tone)), vad)
    assert torch.equal(vad.get_speech_prob_file(path), expected)


def test_verification_and_streaming(recordings, tmp_path):
    speaker = tiny_pipeline("SpeakerRecognition", tmp_path)
    narrow, wide = recordings[8000, 1, 4000], recordings[16000, 1, 8000]
    plain = speaker.verify_files(wide, narrow)[0]
    prepend(SuperResolutionFrontEnd(toy_interface(tone)), speaker)
    assert not torch.equal(speaker.verify_files(wide, narrow)[0], plain)
    streaming = tiny_pipeline("StreamingASR", tmp_path)
    whole = "".join(
        streaming.transcribe_file_streaming(
            wide, **STREAMING, use_torchaudio_streaming=False
        )
    )
    prepend(SuperResolutionFrontEnd(toy_interface(tone)), streaming)
    chunks = list(streaming.transcribe_file_streaming(wide, **STREAMING))
    assert len(chunks) > 3 and "".join(chunks) == whole
    whisper = tiny_pipeline("WhisperASR", tmp_path)
    plain = whisper.detect_language_file(narrow)[1]
    prepend(SuperResolutionFrontEnd(toy_interface(tone)), whisper)
    assert whisper.detect_language_file(narrow)[1] != plain


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
        (empty, None, "empty file"),
    ):
        with pytest.raises(AudioError, match=words):
            enhance_and_restore(enhancer, toy_interface(), source, output)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob("out*"))


def readme_section(project):
    """The section of README.md, and its fenced blocks as (language, text)."""
    text = (project / "README.md").read_text(encoding="utf-8")
    match = re.search(
        r"^## In front of other pipelines$(.*?)(?=^## |\Z)", text, re.M | re.S
    )
    if match is None:
        pytest.skip("README.md has no section 'In front of other pipelines'")
    return re.findall(r"^```(python|yaml)\n(.*?)^```$", match[1], re.M | re.S)


def test_snippets_of_the_readme(
    project, recordings, tmp_path, monkeypatch, capsys
):
    """Each runs, with tiny models in place of those that it loads."""
    blocks = readme_section(project)
    assert [kind for kind, _ in blocks].count("yaml") >= 2
    tiny = FlashSR.from_hparams(
        save_tiny_model(tmp_path / "tiny"),
        run_opts={"device": "cpu", "noprogressbar": True},
    )
    monkeypatch.setattr(FlashSR, "from_hparams", lambda *_, **__: tiny)
    for interface in (
        EncoderDecoderASR,
        SepformerSeparation,
        SpectralMaskEnhancement,
    ):
        folder = save_tiny_pipeline(interface.__name__, tmp_path)
        load = interface.from_hparams

        def from_hparams(source, load=load, folder=folder, **kwargs):
            assert source.startswith("speechbrain/")
            return load(folder, run_opts={"device": "cpu"}, **kwargs)

        monkeypatch.setattr(interface, "from_hparams", from_hparams)
    monkeypatch.chdir(tmp_path)
    for name in ("call.wav", "noisy.wav"):
        os.symlink(recordings[8000, 2, 4000], name)
    wavs = torch.randn(2, 4000)
    names = {"wavs8": wavs, "lengths": torch.ones(2)}
    for kind, text in blocks:
        if kind == "yaml":
            # Its first line names the file that the next snippet loads.
            name = re.match(r"# (\S+\.yaml)", text)[1]
            (tmp_path / name).write_text(text, encoding="utf-8")
        else:
            exec(compile(text, "README.md", "exec"), names)
    info = soundfile.info("restored.wav")
    assert (info.samplerate, info.channels) == (48000, 2)
    assert isinstance(names["asr"].audio_normalizer, SuperResolutionFrontEnd)
    assert names["data"][0]["sig"].shape == (9600,)
