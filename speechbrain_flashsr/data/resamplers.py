"""Common resamplers.

Each leaves its own traces where the former band ended: a gap, images of the
band below, or both. julius and the SoX program are for training and the
benchmark only.

Authors
 * The speechbrain_flashsr developers 2026
"""

import functools
import importlib.util
import math
import shutil
import subprocess

import av
import numpy as np
import scipy.interpolate
import scipy.signal
import soxr
import torch
import torchaudio

from speechbrain_flashsr.data.codecs import with_length

KAISER_FAST = {
    "lowpass_filter_width": 16,
    "rolloff": 0.85,
    "resampling_method": "sinc_interp_kaiser",
    "beta": 8.555504641634386,
}
KAISER_BEST = {
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "resampling_method": "sinc_interp_kaiser",
    "beta": 14.769656459379492,
}
"""resampy's filters, as torchaudio's documentation gives them."""


def by_torchaudio(wav, orig_rate, new_rate, **options):
    """Resamples [time] by torchaudio."""
    tensor = torch.from_numpy(np.ascontiguousarray(wav))
    return torchaudio.functional.resample(
        tensor, orig_rate, new_rate, **options
    ).numpy()


def by_scipy(wav, orig_rate, new_rate, **options):
    """Resamples [time] by SciPy's polyphase filter."""
    return scipy.signal.resample_poly(wav, new_rate, orig_rate, **options)


def _fourier(wav, orig_rate, new_rate):
    # Circular: without zeros at the end, the end would leak into the start.
    padded = np.pad(wav, (0, orig_rate // 50))
    length = math.ceil(len(padded) * new_rate / orig_rate)
    whole = scipy.fft.next_fast_len(length)
    padded = np.pad(
        padded, (0, round(whole * orig_rate / new_rate) - len(padded))
    )
    return scipy.signal.resample(padded, whole)


def _decimate(wav, orig_rate, new_rate):
    factor = orig_rate // new_rate
    if factor < 2 or orig_rate % new_rate:
        return by_scipy(wav, orig_rate, new_rate)
    return scipy.signal.decimate(wav, factor)


def _swr(wav, orig_rate, new_rate, options=""):
    graph = av.filter.Graph()
    source = graph.add_abuffer(
        sample_rate=orig_rate, format="flt", layout="mono"
    )
    filters = [
        source,
        graph.add("aresample", f"{new_rate}{options}"),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*filters).configure()
    frame = av.AudioFrame.from_ndarray(
        np.asarray(wav, dtype=np.float32)[None], format="flt", layout="mono"
    )
    frame.sample_rate = orig_rate
    graph.push(frame)
    graph.push(None)
    blocks = []
    while True:
        try:
            blocks.append(graph.pull().to_ndarray()[0])
        except (av.EOFError, av.BlockingIOError):
            return np.concatenate(blocks)


def _sox(wav, orig_rate, new_rate, quality):
    kind = ["-t", "raw", "-e", "floating-point", "-b", "32", "-c", "1"]
    command = ["sox", "-D", "-R", "-V1", *kind, "-r", str(orig_rate), "-"]
    command += [*kind, "-", "rate", quality, str(new_rate)]
    data = np.asarray(wav, dtype=np.float32).tobytes()
    done = subprocess.run(command, input=data, capture_output=True, check=True)
    return np.frombuffer(done.stdout, dtype=np.float32)


def _julius(wav, orig_rate, new_rate):
    import julius

    tensor = torch.from_numpy(np.asarray(wav, dtype=np.float32))
    return julius.resample_frac(tensor, orig_rate, new_rate).numpy()


def _interpolate(wav, orig_rate, new_rate, kind):
    length = round(len(wav) * new_rate / orig_rate)
    times = np.arange(length) * orig_rate / new_rate
    samples = np.arange(len(wav))
    if kind == "linear":
        return np.interp(times, samples, wav)
    if kind == "cubic":
        spline = scipy.interpolate.CubicSpline(samples, wav)
        return spline(np.minimum(times, len(wav) - 1))
    return wav[np.minimum(times.astype(int), len(wav) - 1)]


RESAMPLERS = {
    "torchaudio": by_torchaudio,
    "torchaudio kaiser fast": functools.partial(by_torchaudio, **KAISER_FAST),
    "torchaudio kaiser best": functools.partial(by_torchaudio, **KAISER_BEST),
    "soxr LQ": functools.partial(soxr.resample, quality="LQ"),
    "soxr HQ (librosa)": functools.partial(soxr.resample, quality="HQ"),
    "soxr VHQ": functools.partial(soxr.resample, quality="VHQ"),
    "SoX -l": functools.partial(_sox, quality="-l"),
    "SoX -h": functools.partial(_sox, quality="-h"),
    "SoX -v": functools.partial(_sox, quality="-v"),
    "ffmpeg swr": _swr,
    "ffmpeg swr, 128 taps": functools.partial(
        _swr, options=":filter_size=128:cutoff=0.99"
    ),
    "scipy resample_poly": by_scipy,
    "scipy resample_poly, kaiser 12": functools.partial(
        by_scipy, window=("kaiser", 12.0)
    ),
    "scipy resample": _fourier,
    "scipy decimate": _decimate,
    "julius": _julius,
    "linear": functools.partial(_interpolate, kind="linear"),
    "cubic": functools.partial(_interpolate, kind="cubic"),
    "repetition": functools.partial(_interpolate, kind="repetition"),
}
"""Every function takes a waveform, [time], its rate and the new one."""

INTERPOLATIONS = ("linear", "cubic", "repetition")
"""Without a filter: not meant for lowering a rate."""


def available_resamplers():
    """Names of those whose library or program is installed.

    Example
    -------
    >>> "scipy resample_poly" in available_resamplers()
    True
    """
    missing = []
    if shutil.which("sox") is None:
        missing.append("SoX")
    if importlib.util.find_spec("julius") is None:
        missing.append("julius")
    return [name for name in RESAMPLERS if name.split()[0] not in missing]


def resample(wav, orig_rate, new_rate, name):
    """Resamples [time] by a key of `RESAMPLERS` to [round(time * new_rate /
    orig_rate)], float64.

    Example
    -------
    >>> wav = np.sin(0.1 * np.arange(800))
    >>> resample(wav, 8000, 48000, "linear").shape
    (4800,)
    """
    wav = np.asarray(wav, dtype=np.float64)
    if orig_rate == new_rate:
        return wav
    length = round(len(wav) * new_rate / orig_rate)
    new = np.asarray(RESAMPLERS[name](wav, orig_rate, new_rate), np.float64)
    return with_length(new, length)
