"""FlashSR after an enhancement model of a lower rate.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch
from speechbrain.dataio.preprocess import AudioNormalizer
from torch.nn.functional import pad

from speechbrain_flashsr.audio.checks import (
    check_output_name,
    check_sample_rate,
)
from speechbrain_flashsr.audio.formats import output_format
from speechbrain_flashsr.audio.reading import AudioReader
from speechbrain_flashsr.audio.resampling import resampled_length
from speechbrain_flashsr.audio.writing import AudioWriter
from speechbrain_flashsr.inference.reporting import warn_of_clipping


def enhance_and_restore(enhancer, flashsr, filename, output_filename=None):
    """Enhances a recording at the enhancer's rate, then restores its band: each
    channel is enhanced by itself, and all are super-resolved together.

    Arguments
    ---------
    enhancer : Pretrained
        With `enhance_batch` and an `audio_normalizer`, for example a
        SpectralMaskEnhancement.
    flashsr : FlashSR
        The super-resolution model.
    filename : str or Path
        The noisy recording, of any rate and number of channels.
    output_filename : str or Path, optional
        A .wav, .flac, .ogg or .opus file, of the input's bit depth and with its
        metadata, to write as well.

    Returns
    -------
    torch.Tensor
        At 48 kHz, [time] or, with several channels, [time, channels].

    Example
    -------
    >>> import soundfile
    >>> from tests.tiny_model import toy_interface
    >>> from tests.tiny_pipelines import tiny_pipeline
    >>> folder = getfixture("tmp_path")
    >>> soundfile.write(folder / "noisy.wav", torch.randn(999, 2), 44100)
    >>> enhancer = tiny_pipeline("SpectralMaskEnhancement", folder)
    >>> noisy = folder / "noisy.wav"
    >>> enhance_and_restore(enhancer, toy_interface(), noisy).shape
    torch.Size([1087, 2])
    """
    with AudioReader(filename) as reader:
        if output_filename is not None:
            check_output_name(filename, output_filename)
            file_type = output_format(output_filename, reader.subtype)
            metadata = reader.metadata()
        rate = check_sample_rate(reader.sample_rate, f"'{filename}'")
        audio = torch.cat(list(reader.blocks()), dim=1).T
    length = resampled_length(len(audio), rate, flashsr.sample_rate)
    enhancer_rate = enhancer.audio_normalizer.sample_rate
    noisy = AudioNormalizer(enhancer_rate, "keep")(audio, rate)
    noisy = noisy.unsqueeze(1) if noisy.ndim == 1 else noisy
    channels = noisy.T.contiguous().to(enhancer.device)
    with torch.no_grad():
        enhanced = enhancer.enhance_batch(
            channels, torch.ones(len(channels), device=enhancer.device)
        )
    high = flashsr.super_resolve_batch(
        enhanced.T.unsqueeze(0), sample_rate=enhancer_rate
    )[0].cpu()
    high = pad(high.T, (0, length - len(high))).T
    if output_filename is not None:
        with AudioWriter(
            output_filename,
            flashsr.sample_rate,
            high.shape[1],
            *file_type,
            num_samples=length,
            metadata=metadata,
        ) as writer:
            writer.write(high.T)
        warn_of_clipping(writer)
    return high.squeeze(1) if high.shape[1] == 1 else high
