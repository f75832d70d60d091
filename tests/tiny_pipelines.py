"""SpeechBrain interfaces with tiny models of random weights, made offline.

Authors
 * The speechbrain_flashsr developers 2026
"""

import importlib
from pathlib import Path

import sentencepiece
import torch
from speechbrain.inference.ASR import StreamingASR, WhisperASR
from speechbrain.lobes.features import Fbank, StreamingFeatureWrapper
from speechbrain.nnet.containers import LengthsCapableSequential
from speechbrain.utils.filter_analysis import FilterProperties

SAMPLE_RATE = 16000
"""Of all of them, in Hz."""

COMMON = """
__set_seed: !apply:torch.manual_seed [1]
sample_rate: 16000
audio_normalizer: !new:speechbrain.dataio.preprocess.AudioNormalizer
    sample_rate: !ref <sample_rate>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables: {}
fbank: !new:speechbrain.lobes.features.Fbank
    n_mels: 40
norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
gru: !new:speechbrain.nnet.RNN.GRU
    hidden_size: 16
    input_size: 40
"""

ASR_ENCODER = """
linear: !new:torch.nn.Linear
    in_features: 16
    out_features: 29
encoder: !new:speechbrain.nnet.containers.LengthsCapableSequential
    - !ref <fbank>
    - !ref <norm>
    - !ref <gru>
"""

CLASSIFIER = """
embedding_model: !new:tests.tiny_pipelines.MeanOverTime
classifier: !new:torch.nn.Linear
    in_features: 40
    out_features: 5
label_encoder: !apply:tests.tiny_pipelines.label_encoder [5]
mean_var_norm_emb: !ref <norm>
modules:
    compute_features: !ref <fbank>
    mean_var_norm: !ref <norm>
    embedding_model: !ref <embedding_model>
    mean_var_norm_emb: !ref <norm>
    classifier: !ref <classifier>
"""

HPARAMS = {
    "EncoderASR": ASR_ENCODER
    + """
tokenizer: !apply:tests.tiny_pipelines.character_encoder
decoding_function: !name:speechbrain.decoders.ctc_greedy_decode
    blank_id: 28
log_softmax: !new:speechbrain.nnet.activations.Softmax
    apply_log: True
asr: !new:speechbrain.nnet.containers.LengthsCapableSequential
    - !ref <encoder>
    - !ref <linear>
    - !ref <log_softmax>
modules:
    encoder: !ref <asr>
""",
    "EncoderDecoderASR": ASR_ENCODER
    + """
tokenizer: !new:sentencepiece.SentencePieceProcessor
    model_file: MODEL_FILE
embedding: !new:speechbrain.nnet.embedding.Embedding
    num_embeddings: 28
    embedding_dim: 8
decoder_rnn: !new:speechbrain.nnet.RNN.AttentionalRNNDecoder
    rnn_type: gru
    attn_type: content
    hidden_size: 16
    attn_dim: 8
    num_layers: 1
    enc_dim: 16
    input_size: 8
sequence: !new:speechbrain.nnet.linear.Linear
    input_size: 16
    n_neurons: 28
searcher: !new:speechbrain.decoders.S2SRNNGreedySearcher
    embedding: !ref <embedding>
    decoder: !ref <decoder_rnn>
    linear: !ref <sequence>
    bos_index: 1
    eos_index: 2
    min_decode_ratio: 0.0
    max_decode_ratio: 0.2
modules:
    encoder: !ref <encoder>
    decoder: !ref <searcher>
""",
    "SpectralMaskEnhancement": """
compute_stft: !new:speechbrain.processing.features.STFT
    sample_rate: !ref <sample_rate>
    win_length: 32
    hop_length: 16
    n_fft: 512
compute_istft: !new:speechbrain.processing.features.ISTFT
    sample_rate: !ref <sample_rate>
    win_length: 32
    hop_length: 16
spectral_magnitude: !name:speechbrain.processing.features.spectral_magnitude
    power: 0.5
resynth: !name:speechbrain.processing.signal_processing.resynthesize
    stft: !ref <compute_stft>
    istft: !ref <compute_istft>
linear: !new:torch.nn.Linear
    in_features: 257
    out_features: 257
enhance_model: !new:speechbrain.nnet.containers.LengthsCapableSequential
    - !ref <linear>
    - !new:torch.nn.Sigmoid
modules:
    enhance_model: !ref <enhance_model>
""",
    "WaveformEnhancement": """
modules:
    enhance_model: !new:tests.tiny_pipelines.Gain
""",
    "EncoderClassifier": CLASSIFIER,
    "SpeakerRecognition": CLASSIFIER,
    "AudioClassifier": """
spec_mag_power: 0.5
use_melspectra: True
label_encoder: !apply:tests.tiny_pipelines.label_encoder [5]
compute_stft: !new:speechbrain.processing.features.STFT
    sample_rate: !ref <sample_rate>
    n_fft: 400
compute_fbank: !new:speechbrain.processing.features.Filterbank
    n_mels: 40
classifier: !new:torch.nn.Linear
    in_features: 40
    out_features: 5
modules:
    compute_stft: !ref <compute_stft>
    compute_fbank: !ref <compute_fbank>
    embedding_model: !new:tests.tiny_pipelines.MeanOverTime
    classifier: !ref <classifier>
""",
    "SepformerSeparation": """
num_spks: 2
modules:
    encoder: !new:speechbrain.lobes.models.dual_path.Encoder
        kernel_size: 16
        out_channels: 4
    masknet: !new:tests.tiny_pipelines.Masks
    decoder: !new:speechbrain.lobes.models.dual_path.Decoder
        in_channels: 4
        out_channels: 1
        kernel_size: 16
        stride: 8
        bias: False
""",
    "VAD": """
time_resolution: 0.01
device: cpu
rnn: !new:speechbrain.nnet.RNN.GRU
    hidden_size: 4
    input_size: 40
modules:
    compute_features: !ref <fbank>
    mean_var_norm: !ref <norm>
    cnn: !new:tests.tiny_pipelines.ExtraDimension
    model: !ref <rnn>
    rnn: !ref <rnn>
    dnn: !new:torch.nn.Linear
        in_features: 4
        out_features: 1
""",
}

_MODULES = {
    "EncoderASR": "ASR",
    "EncoderDecoderASR": "ASR",
    "SpectralMaskEnhancement": "enhancement",
    "WaveformEnhancement": "enhancement",
    "EncoderClassifier": "classifiers",
    "SpeakerRecognition": "speaker",
    "AudioClassifier": "classifiers",
    "SepformerSeparation": "separation",
    "VAD": "VAD",
}


def save_tiny_pipeline(name, folder):
    """Writes a folder that `from_hparams` of an interface loads.

    Arguments
    ---------
    name : str
        Class of the interface, a key of `HPARAMS`.
    folder : str or Path
        Where to put it.

    Returns
    -------
    str
        The folder.
    """
    folder = Path(folder) / name
    folder.mkdir(parents=True, exist_ok=True)
    text = COMMON + HPARAMS[name]
    if "MODEL_FILE" in text:
        letters = " ".join("abcdefghijklmnopqrstuvwx")
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([letters] * 3),
            model_prefix=str(folder / "tokenizer"),
            model_type="char",
            vocab_size=28,
            minloglevel=2,
        )
        text = text.replace("MODEL_FILE", str(folder / "tokenizer.model"))
    (folder / "hyperparams.yaml").write_text(text, encoding="utf-8")
    return str(folder)


def tiny_pipeline(name, folder, **kwargs):
    """An interface of SpeechBrain with a tiny model, the same in every call.

    Arguments
    ---------
    name : str
        Its class.
    folder : str or Path
        Where its files are put.
    **kwargs
        For `from_hparams`.

    Returns
    -------
    Pretrained

    Example
    -------
    >>> vad = tiny_pipeline("VAD", getfixture("tmp_path"))
    >>> vad(torch.randn(1, 16000)).shape
    torch.Size([1, 101, 1])
    """
    with torch.random.fork_rng():
        if name == "StreamingASR":
            return _streaming_asr()
        if name == "WhisperASR":
            return _whisper_asr()
        module = importlib.import_module(
            f"speechbrain.inference.{_MODULES[name]}"
        )
        return getattr(module, name).from_hparams(
            save_tiny_pipeline(name, folder),
            run_opts={"device": "cpu"},
            **kwargs,
        )


def character_encoder():
    """A CTCTextEncoder over letters, space and apostrophe."""
    from speechbrain.dataio.encoder import CTCTextEncoder

    encoder = CTCTextEncoder()
    encoder.expect_len(29)
    encoder.update_from_iterable("ABCDEFGHIJKLMNOPQRSTUVWXYZ '", False)
    encoder.insert_blank(index=28)
    return encoder


def label_encoder(count):
    """A CategoricalEncoder of the labels class0, class1, ..."""
    from speechbrain.dataio.encoder import CategoricalEncoder

    encoder = CategoricalEncoder()
    encoder.expect_len(count)
    encoder.update_from_iterable(f"class{i}" for i in range(count))
    return encoder


class MeanOverTime(torch.nn.Module):
    """[batch, time, features] -> [batch, 1, features]"""

    def forward(self, feats, lengths=None):
        """Averages over time."""
        return feats.mean(1, keepdim=True)


class Gain(torch.nn.Module):
    """Halves a waveform."""

    def forward(self, wavs):
        """[batch, time] -> the same, and what MetricGAN-U gives besides."""
        return wavs / 2, None


class Masks(torch.nn.Module):
    """[batch, channels, frames] -> masks, [2, batch, channels, frames]"""

    def forward(self, mix):
        """The masks of two sources that add up to 1."""
        mask = torch.sigmoid(mix)
        return torch.stack([mask, 1 - mask])


class ExtraDimension(torch.nn.Module):
    """[batch, time, features] -> [batch, time, features, 1]"""

    def forward(self, feats):
        """Adds what a CNN's output has."""
        return feats.unsqueeze(3)


class _StreamingEncoder(torch.nn.Module):
    """Stands in for a streaming encoder that keeps no context."""

    def make_streaming_context(self, config):
        return None

    def forward_streaming(self, feats, context):
        return feats


def _letters(tokens):
    return "".join(chr(ord("a") + token % 26) for token in tokens)


def _streaming_asr():
    """A StreamingASR that spells the loudest of 26 bands in each frame."""
    extractor = StreamingFeatureWrapper(
        LengthsCapableSequential(Fbank(n_mels=26)),
        FilterProperties(window_size=401, stride=160),
    )
    return StreamingASR(
        modules={"enc": _StreamingEncoder(), "proj_enc": torch.nn.Identity()},
        hparams={
            "fea_streaming_extractor": extractor,
            "make_decoder_streaming_context": lambda: None,
            "decoding_function": lambda x, context: x.argmax(-1).tolist(),
            "make_tokenizer_streaming_context": lambda: None,
            "tokenizer_decode_streaming": (
                lambda tokenizer, tokens, context: _letters(tokens)
            ),
            "tokenizer": None,
        },
        run_opts={"device": "cpu"},
    )


class _Whisper(torch.nn.Module):
    """Stands in for a Whisper model: the loudest of 26 bands in each frame."""

    language = "en"
    is_multilingual = True

    def __init__(self):
        super().__init__()
        self.fbank = Fbank(n_mels=26)
        self.tokenizer = _Tokenizer()

    def _get_mel(self, wavs):
        return self.fbank(wavs)

    def forward(self, wavs):
        return self._get_mel(wavs)

    def forward_encoder(self, mel):
        return mel

    def detect_language(self, mel):
        return mel.mean(1).argmax(-1), [{"en": float(mel.mean())}]


class _Tokenizer:
    def decode(self, tokens, skip_special_tokens=True):
        return _letters(tokens)


class _WhisperDecoder(torch.nn.Module):
    no_speech_probs = [0.0]
    temperature = 0.0

    def set_prompt(self, prompt):
        pass

    def set_lang_tokens(self, tokens):
        pass

    def forward(self, encoded, lengths):
        tokens = encoded.argmax(-1).tolist()
        return tokens, None, torch.zeros(1), None


def _whisper_asr():
    """A WhisperASR around stand-ins for its model and decoder."""
    whisper = _Whisper()
    return WhisperASR(
        modules={"whisper": whisper, "decoder": _WhisperDecoder()},
        hparams={
            "language": "en",
            "sample_rate": SAMPLE_RATE,
            "whisper": whisper,
        },
        run_opts={"device": "cpu"},
    )
