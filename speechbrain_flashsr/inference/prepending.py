"""Puts a front-end before an interface of SpeechBrain, and takes it away.

Most interfaces read files by `load_audio`, which hands rate, channels and
samples to their `audio_normalizer`: the front-end takes its place. Those that
read files by themselves get a temporary file with what they should hear.

Authors
 * The speechbrain_flashsr developers 2026
"""

import copy
import functools
import inspect
import tempfile
from pathlib import Path

import soundfile
from speechbrain.dataio import audio_io
from speechbrain.dataio.preprocess import AudioNormalizer
from speechbrain.inference.interfaces import Pretrained
from speechbrain.utils.data_utils import split_path
from speechbrain.utils.fetching import fetch

from speechbrain_flashsr.inference.front_end import SuperResolutionFrontEnd

# Interfaces whose file methods read files by themselves, at
# `hparams.sample_rate`, and the name of the argument that is the file.
_SELF_LOADING = {
    "SepformerSeparation": "path",
    "AudioClassifier": "path",
    "PIQAudioInterpreter": "path",
    "VAD": "audio_file",
}


def prepend(front_end, interface):
    """Puts a front-end before an interface: its file methods hear through it.

    Methods that take batches are left as they are, since a batch carries no
    rate: see :meth:`SuperResolutionFrontEnd.prepare_batch`.

    Arguments
    ---------
    front_end : SuperResolutionFrontEnd
        It may serve several interfaces of one sample rate.
    interface : Pretrained
        Any interface of SpeechBrain that reads files.

    Raises
    ------
    ValueError
        If the interface has a front-end already, or another sample rate than
        the front-end.

    Example
    -------
    >>> from tests.tiny_model import toy_interface
    >>> from tests.tiny_pipelines import tiny_pipeline
    >>> asr = tiny_pipeline("EncoderASR", getfixture("tmp_path"))
    >>> front_end = SuperResolutionFrontEnd(toy_interface())
    >>> prepend(front_end, asr)
    >>> asr.audio_normalizer is front_end, front_end.sample_rate
    (False, 16000)
    >>> remove(asr)
    """
    if _wrapped(interface) or isinstance(
        interface.audio_normalizer, SuperResolutionFrontEnd
    ):
        raise ValueError(
            f"This {type(interface).__name__} has a front-end already. Take "
            "it away by remove(interface) first."
        )
    argument = _self_loading_argument(interface)
    normalizer = interface.audio_normalizer
    if argument is not None:
        normalizer = AudioNormalizer(
            interface.hparams.sample_rate,
            "avg-to-mono" if argument == "audio_file" else "keep",
        )
    if not front_end.has_rate:
        front_end.normalizer = normalizer
    elif front_end.sample_rate != normalizer.sample_rate:
        raise ValueError(
            f"This {type(interface).__name__} expects "
            f"{normalizer.sample_rate} Hz, but the front-end is made for "
            f"{front_end.sample_rate} Hz. Make another "
            "SuperResolutionFrontEnd(sr) of the same sr for it."
        )
    front_end = copy.copy(front_end)
    front_end.normalizer = normalizer
    if argument is None:
        interface.audio_normalizer = front_end
        _hear_whole_files(interface)
    else:
        _hear_prepared_files(interface, front_end, argument)


def remove(interface):
    """Takes a front-end away again; without one, nothing happens.

    Arguments
    ---------
    interface : Pretrained
        That :func:`prepend` or an override of its YAML gave a front-end.
    """
    for name in _wrapped(interface):
        delattr(interface, name)
    if isinstance(interface.audio_normalizer, SuperResolutionFrontEnd):
        interface.audio_normalizer = interface.audio_normalizer.normalizer


def _self_loading_argument(interface):
    """Name of the file argument if an interface reads files by itself."""
    names = [base.__name__ for base in type(interface).__mro__]
    found = [_SELF_LOADING[name] for name in names if name in _SELF_LOADING]
    return found[0] if found else None


def _wrap(interface, name, adapt):
    """Puts `adapt` before a method: what it makes of the call is called."""
    method = getattr(interface, name)
    signature = inspect.signature(method)

    @functools.wraps(method)
    def wrapper(*args, **kwargs):
        call = signature.bind(*args, **kwargs)
        return adapt(method, call)

    wrapper.super_resolved = True
    setattr(interface, name, wrapper)


def _wrapped(interface):
    """Names of the methods that `_wrap` replaced."""
    return [
        name
        for name, value in vars(interface).items()
        if getattr(value, "super_resolved", False)
    ]


def _hear_whole_files(interface):
    """Has streaming methods load the file by `load_audio`, not in pieces."""

    def adapt(method, call):
        call.arguments["use_torchaudio_streaming"] = False
        return method(*call.args, **call.kwargs)

    streaming = getattr(interface, "transcribe_file_streaming", None)
    if streaming is not None:
        _wrap(interface, "transcribe_file_streaming", adapt)


def _hear_prepared_files(interface, front_end, argument):
    """Has methods that read files by themselves read super-resolved ones."""
    prepared = set()

    def adapt(method, call):
        filename = call.arguments.get(argument)
        # One file method calls another with the file that it has got.
        if filename is None or Path(filename) in prepared:
            return method(*call.args, **call.kwargs)
        fl_source, fl = split_path(filename)
        filename = fetch(
            fl, source=fl_source, savedir=call.arguments.pop("savedir", None)
        )
        with tempfile.TemporaryDirectory(prefix="flashsr-") as folder:
            temporary = Path(folder).resolve() / "heard.wav"
            heard = _heard_by(front_end, filename)
            if heard is None:
                call.arguments[argument] = str(filename)
            else:
                soundfile.write(
                    temporary,
                    heard.numpy(),
                    front_end.sample_rate,
                    subtype="FLOAT",
                )
                call.arguments[argument] = str(temporary)
            path = Path(call.arguments[argument])
            prepared.add(path)
            try:
                return method(*call.args, **call.kwargs)
            finally:
                prepared.discard(path)

    for name, _ in inspect.getmembers(type(interface), inspect.isfunction):
        if name.startswith("_") or hasattr(Pretrained, name):
            continue
        method = getattr(interface, name)
        if argument in inspect.signature(method).parameters:
            _wrap(interface, name, adapt)


def _heard_by(front_end, filename):
    """What an interface should read in place of a file; None for the file."""
    audio, rate = audio_io.load(str(filename), channels_first=False)
    if front_end.mix == "avg-to-mono":
        # A VAD reads one channel at one rate.
        return front_end(audio, rate)
    if audio.ndim == 2 and rate != front_end.sample_rate:
        # As the others do; at their own rate they hear each channel by itself.
        audio = audio.mean(1)
    if front_end.is_needed(audio, rate):
        return front_end.restore(audio, rate)
    return None
