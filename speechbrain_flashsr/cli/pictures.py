"""A picture of a recording before and after super-resolution.

Authors
 * The speechbrain_flashsr developers 2026
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.signal import get_window

from speechbrain_flashsr.audio.reading import AudioReader
from speechbrain_flashsr.audio.writing import complete_file

WINDOW_SECONDS = 0.04
"""Length of the window of a spectrum."""

MOST_COLUMNS = 1000
"""Largest number of spectra, which bounds the memory."""

DYNAMIC_RANGE = 100.0
"""Between the darkest and the brightest level, in dB."""


def spectrogram(path, **options):
    """Computes the levels of a sound file's first channel.

    Takes the arguments of
    :class:`~speechbrain_flashsr.audio.reading.AudioReader`. Returns levels in
    dB from 0 Hz to half the sample rate, [bins, columns], at most
    `MOST_COLUMNS` that are spread over the whole file; the sample rate in Hz;
    and the length in seconds.

    Example
    -------
    >>> import soundfile
    >>> path = getfixture("tmp_path") / "tone.wav"
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    >>> soundfile.write(path, tone, 8000)
    >>> levels, sample_rate, seconds = spectrogram(path)
    >>> int(levels[:, 10].argmax()) / (len(levels) - 1) * sample_rate / 2
    1000.0
    """
    with AudioReader(path, **options) as reader:
        rate = reader.sample_rate
        total = sum(block.shape[1] for block in reader.blocks())
        length = 2 * round(WINDOW_SECONDS * rate / 2)
        window = get_window("hann", length)
        window /= window.sum() / 2
        columns = max(1, min(MOST_COLUMNS, 4 * total // length))
        starts = np.linspace(0, max(0, total - length), columns).astype(int)
        levels = [
            20 * np.log10(np.abs(np.fft.rfft(samples * window)) + 1e-8)
            for samples in _excerpts(reader.blocks(), starts, length)
        ]
    return np.stack(levels, axis=1), rate, total / rate


def _excerpts(blocks, starts, length):
    """Yields the first channel from each of `starts` on, in their order."""
    held, position = np.zeros(0, np.float32), 0
    starts = iter(starts)
    start = next(starts)
    for block in blocks:
        held = np.concatenate([held, block[0].numpy()])
        while start is not None and start + length <= position + len(held):
            yield held[start - position : start - position + length]
            start = next(starts, None)
        cut = len(held) if start is None else min(start - position, len(held))
        held, position = held[cut:], position + cut
    if start is not None:  # shorter than a window
        yield np.pad(held, (0, length - len(held)))


def plot_before_after(before, after, pictures, cutoff_hz=None, **options):
    """Draws the spectrograms of two sound files above each other into a PNG
    file, or apart into a sequence of two.

    Both share the axes and the colours, so the restored band is the difference
    between the two. A dashed line shows the cut-off. Further options are those
    of :class:`~speechbrain_flashsr.audio.reading.AudioReader` for `before`.
    Raises an AudioError if a picture cannot be written.

    Example
    -------
    >>> import soundfile
    >>> folder = getfixture("tmp_path")
    >>> soundfile.write(folder / "a.wav", np.zeros(8000), 8000)
    >>> soundfile.write(folder / "b.wav", np.zeros(48000), 48000)
    >>> plot_before_after(
    ...     folder / "a.wav", folder / "b.wav", folder / "c.png", 4000
    ... )
    >>> (folder / "c.png").read_bytes()[1:4]
    b'PNG'
    """
    if isinstance(pictures, str | Path):
        pictures = [pictures]
    spectrograms = [
        ("Before", *spectrogram(before, **options)),
        ("After", *spectrogram(after)),
    ]
    brightest = max(levels.max() for _, levels, *_ in spectrograms)
    highest = max(rate for _, _, rate, _ in spectrograms) / 2000
    rows = len(spectrograms) // len(pictures)
    size = (10, 7) if rows > 1 else (7, 5)
    for number, picture in enumerate(pictures):
        figure = Figure(figsize=size, layout="constrained")
        for axes, (title, levels, rate, seconds) in zip(
            figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0],
            spectrograms[number * rows :],
        ):
            image = axes.imshow(
                levels,
                origin="lower",
                aspect="auto",
                extent=(0, seconds, 0, rate / 2000),
                vmin=brightest - DYNAMIC_RANGE,
                vmax=brightest,
                cmap="magma",
            )
            axes.set(
                title=f"{title}: {rate / 1000:g} kHz",
                ylabel="Frequency (kHz)",
                ylim=(0, highest),
                facecolor="black",
            )
            if cutoff_hz is not None:
                axes.axhline(cutoff_hz / 1000, color="white", ls="--", lw=0.8)
        axes.set_xlabel("Time (s)")
        figure.colorbar(image, ax=figure.axes, label="Level (dB)")
        with complete_file(picture) as temporary:
            figure.savefig(temporary, format="png", dpi=120)
