"""Restores a mono recording of at most one window (5.12 s) without PyTorch.

To run it:
> flashsr export --onnx flashsr.onnx
> python examples/onnx_runtime.py flashsr.onnx call.wav call_48k.wav

Authors
 * The speechbrain_flashsr developers 2026
"""

import sys

import numpy as np
import onnxruntime
import soundfile

model, source, target = sys.argv[1:]
session = onnxruntime.InferenceSession(model)
shapes = {given.name: given.shape for given in session.get_inputs()}
wav, rate = soundfile.read(source, dtype="float32")
length = shapes["low"][1]
if wav.ndim > 1 or not 1 < len(wav) * 48000 <= length * rate:
    sys.exit(f"Pass a mono recording of at most {length / 48000:g} s.")
# By reflection the window is filled, and its spectrum free of a jump.
padded = np.pad(wav, (0, length * rate // 48000 - len(wav)), mode="reflect")
spectrum = np.fft.rfft(np.concatenate([padded, padded[::-1]]))
wav_48k = np.fft.irfft(spectrum, 2 * length)[:length] * 48000 / rate
wav_48k, mean = wav_48k - wav_48k.mean(), wav_48k.mean()
scale = 2 * abs(wav_48k).max() + 1e-8
random = np.random.default_rng(0)
inputs = {
    "low": wav_48k[None] / scale,
    "noise": random.standard_normal(shapes["noise"]),
    "cutoff_hz": np.array([0.425 * rate]),  # where an 8 kHz telephone ends
    "excitation": random.standard_normal(shapes["excitation"]),
}
inputs = {name: given.astype("float32") for name, given in inputs.items()}
high = session.run(["high"], inputs)[0][0]
high = high[: round(len(wav) * 48000 / rate)] * scale + mean
soundfile.write(target, high, 48000)
