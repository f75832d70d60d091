"""SpeechBrain interfaces with tiny models of random weights, made offline.

Authors
 * The speechbrain_flashsr developers 2026
"""

import importlib
from pathlib import Path

import sentencepiece
import torch

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

HPARAMS = {
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
    "EncoderDecoderASR": "ASR",
    "SpectralMaskEnhancement": "enhancement",
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
        module = importlib.import_module(
            f"speechbrain.inference.{_MODULES[name]}"
        )
        return getattr(module, name).from_hparams(
            save_tiny_pipeline(name, folder),
            run_opts={"device": "cpu"},
            **kwargs,
        )


class ExtraDimension(torch.nn.Module):
    """[batch, time, features] -> [batch, time, features, 1]"""

    def forward(self, feats):
        """Adds what a CNN's output has."""
        return feats.unsqueeze(3)
