"""FlashSR in front of any other SpeechBrain interface.

A narrow-band recording has its high band restored before a recogniser, an
enhancement model, a separator or a classifier hears it, at the rate which that
one expects. A recording that has the needed band passes unchanged.

Authors
 * The speechbrain_flashsr developers 2026
"""

import contextlib
import math
import os
import tempfile

import soundfile
import torch
from speechbrain.dataio.preprocess import AudioNormalizer
from speechbrain.utils import data_pipeline
from torch.nn.functional import pad

from speechbrain_flashsr.audio.checks import check_finite, check_sample_rate
from speechbrain_flashsr.audio.reading import AudioReader
from speechbrain_flashsr.inference.checks import (
    absolute_lengths,
    check_channel_order,
    check_wavs,
    plain_torch,
)
from speechbrain_flashsr.inference.signal_analysis import analyse
from speechbrain_flashsr.inference.super_resolution import FlashSR

NEEDED_BAND = 0.85
"""The share of its band up to half of the sample rate that a model needs. For
16 kHz it is 6.8 kHz, less than the 7 kHz of wideband telephony."""

ALIKE = 1.1
"""Largest ratio of the cut-offs of channels that are restored as one."""


class SuperResolutionFrontEnd:
    """Restores the high band that another model lacks in its input.

    It takes the place of an interface's `audio_normalizer`. It is a plain
    object: nothing of it enters the `state_dict` of the interface.

    Arguments
    ---------
    flashsr : FlashSR, optional
        Default: the model that ships with the package.
    sample_rate : int
        Rate in Hz that the next model expects.
    mix : {"avg-to-mono", "keep"}
        How several channels are treated, as in SpeechBrain's AudioNormalizer.
    needed_band : float
        A signal passes unchanged if its band ends above `needed_band` times
        half of `sample_rate` in every channel.

    Example
    -------
    >>> from tests.tiny_model import toy_interface
    >>> front_end = SuperResolutionFrontEnd(toy_interface(), sample_rate=16000)
    >>> front_end(torch.randn(4000, 2), 8000).shape
    torch.Size([8000])
    """

    def __init__(
        self,
        flashsr=None,
        *,
        sample_rate,
        mix="avg-to-mono",
        needed_band=NEEDED_BAND,
    ):
        if not 0 < needed_band <= 1:
            raise ValueError(
                f"needed_band is {needed_band}, but must be a fraction of half "
                "of the sample rate: above 0 and at most 1."
            )
        self.flashsr = FlashSR.from_hparams() if flashsr is None else flashsr
        self.sample_rate = check_sample_rate(sample_rate, "the next model")
        self.needed_band = needed_band
        self.normalizer = AudioNormalizer(sample_rate, mix)
        self.mix = self.normalizer.mix

    @plain_torch()
    def is_needed(self, audio, sample_rate):
        """Whether a signal [time] or [time, channels] lacks some of the band
        that the next model needs; not if it is silent.

        Example
        -------
        >>> from tests.tiny_model import toy_interface
        >>> front_end = SuperResolutionFrontEnd(
        ...     toy_interface(), sample_rate=16000
        ... )
        >>> front_end.is_needed(torch.randn(8000), 8000)
        True
        """
        return self._is_narrow(self._cutoffs(audio, sample_rate))

    @torch.no_grad()
    @plain_torch()
    def __call__(self, audio, sample_rate):
        """Prepares one signal, [time] or [time, channels] at a rate in Hz, for
        the next model.

        Returns it at the front-end's rate, as long as plain resampling would
        make it; one channel, [time], unless `mix` is "keep". No gradient comes
        back, whether it is restored or not."""
        cutoffs = self._cutoffs(audio, sample_rate)
        audio = audio.to(torch.float32)
        if not self._is_narrow(cutoffs):
            return self.normalizer(audio, sample_rate)
        alike = None not in cutoffs and max(cutoffs) <= ALIKE * min(cutoffs)
        if self.mix == "avg-to-mono" and audio.ndim == 2 and alike:
            audio = audio.mean(1)  # restored in place of each channel
        return self.restore(audio, sample_rate)

    def _is_narrow(self, cutoffs):
        """Whether one of the cut-offs is below the band that is needed."""
        needed = self.needed_band * self.sample_rate / 2
        return any(hz is not None and hz < needed for hz in cutoffs)

    def _cutoffs(self, audio, sample_rate):
        """Lowest cut-off of each channel, None for full band."""
        rate = check_sample_rate(sample_rate)
        check_wavs(audio)
        if audio.ndim == 2:
            check_channel_order(audio)
        rows = audio.detach().to(torch.float32)
        rows = rows.unsqueeze(0) if rows.ndim == 1 else rows.T
        check_finite(rows, rate, "the recording")
        return [track.lowest_hz for track in analyse([rows], rate).tracks]

    @plain_torch()
    def restore(self, audio, sample_rate):
        """Restores the high band of a signal like a call, whether it is needed
        or not."""
        check_wavs(audio)
        audio = audio.to(torch.float32)
        high = self.flashsr.super_resolve_batch(
            audio.unsqueeze(0), sample_rate=sample_rate
        )[0]
        restored = self.normalizer(
            high.to(audio.device), self.flashsr.sample_rate
        )
        length = math.ceil(len(audio) * self.sample_rate / sample_rate)
        missing = length - len(restored)  # a negative number cuts
        return pad(restored, (0, 0) * (restored.ndim - 1) + (0, missing))

    def prepare_batch(self, wavs, lengths=None, sample_rate=None):
        """Prepares a batch for the `*_batch` methods of an interface.

        Takes waveforms [batch, time] or [batch, time, channels], their relative
        lengths [batch] (by default all are full) and their rate in Hz. Returns
        waveforms at the front-end's rate, 0 where padded, and relative lengths.

        Example
        -------
        >>> from tests.tiny_model import toy_interface
        >>> front_end = SuperResolutionFrontEnd(
        ...     toy_interface(), sample_rate=16000
        ... )
        >>> wavs, lengths = front_end.prepare_batch(
        ...     torch.randn(2, 1000), torch.tensor([1.0, 0.5]), 8000
        ... )
        >>> wavs.shape, lengths
        (torch.Size([2, 2000]), tensor([1.0000, 0.5000]))
        """
        check_wavs(wavs)
        if wavs.ndim == 1:
            wavs = wavs.unsqueeze(0)
        num_samples = absolute_lengths(lengths, *wavs.shape[:2])
        clips = [
            self(wav[:length], sample_rate)
            for wav, length in zip(wavs, num_samples)
        ]
        padded = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
        relative = [len(clip) / padded.shape[1] for clip in clips]
        return padded, torch.tensor(relative, device=wavs.device)

    @contextlib.contextmanager
    def prepared(self, path):
        """Writes a file for an interface that reads files by itself: yields the
        name of a temporary WAV file of floating-point samples that holds the
        restored recording.

        Example
        -------
        >>> import soundfile
        >>> from tests.tiny_model import toy_interface
        >>> call = getfixture("tmp_path") / "call.wav"
        >>> soundfile.write(call, torch.randn(800).numpy(), 8000)
        >>> front_end = SuperResolutionFrontEnd(
        ...     toy_interface(), sample_rate=16000
        ... )
        >>> with front_end.prepared(call) as path:
        ...     soundfile.info(path).samplerate, soundfile.info(path).frames
        (16000, 1600)
        """
        heard = self(*_read(path))
        with tempfile.TemporaryDirectory(prefix="flashsr-") as folder:
            name = os.path.join(folder, "prepared.wav")
            soundfile.write(
                name, heard.cpu().numpy(), self.sample_rate, subtype="FLOAT"
            )
            yield name


class SuperResolutionLayer(torch.nn.Module):
    """A front-end as the first step of a model's features, for waveforms of a
    rate in Hz: in a YAML's `compute_features`, before the filter bank.

    The front-end stays out of the `state_dict` and gets no gradient.

    Example
    -------
    >>> from tests.tiny_model import toy_interface
    >>> front_end = SuperResolutionFrontEnd(toy_interface(), sample_rate=16000)
    >>> layer = SuperResolutionLayer(front_end, sample_rate=8000)
    >>> layer(torch.randn(2, 800)).shape, len(layer.state_dict())
    (torch.Size([2, 1600]), 0)
    """

    def __init__(self, front_end, sample_rate):
        super().__init__()
        self.front_end = front_end
        self.sample_rate = sample_rate

    def forward(self, wavs, lengths=None):
        """Brings [batch, time] to the front-end's rate; the relative lengths
        hold for the result, too."""
        front_end, rate = self.front_end, self.sample_rate
        restored, _ = front_end.prepare_batch(wavs, lengths, rate)
        time = wavs.shape[min(1, wavs.ndim - 1)]
        missing = math.ceil(time * front_end.sample_rate / rate)
        missing -= restored.shape[1]
        return pad(restored, (0, 0) * (restored.ndim - 2) + (0, missing))


def audio_pipeline(front_end, takes="wav", provides="sig"):
    """A dynamic item, for ``DynamicItemDataset.add_dynamic_item``, that loads
    the file under the key `takes` and super-resolves it to the signal
    `provides`.

    Example
    -------
    >>> import soundfile
    >>> from speechbrain.dataio.dataset import DynamicItemDataset
    >>> from tests.tiny_model import toy_interface
    >>> path = str(getfixture("tmp_path") / "call.wav")
    >>> soundfile.write(path, torch.randn(800).numpy(), 8000)
    >>> front_end = SuperResolutionFrontEnd(toy_interface(), sample_rate=16000)
    >>> data = DynamicItemDataset({"call": {"wav": path}})
    >>> data.add_dynamic_item(audio_pipeline(front_end))
    >>> data.set_output_keys(["id", "sig"])
    >>> data[0]["sig"].shape
    torch.Size([1600])
    """

    @data_pipeline.takes(takes)
    @data_pipeline.provides(provides)
    def pipeline(path):
        return front_end(*_read(path))

    return pipeline


def _read(path):
    """Samples of a file, [time, channels], and their rate."""
    with AudioReader(path) as reader:
        return torch.cat(list(reader.blocks()), dim=1).T, reader.sample_rate
