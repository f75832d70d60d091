"""Packaging of speechbrain_flashsr: `pip install .` or `pip install -e .[dev]`.

Authors
 * The speechbrain_flashsr developers 2026
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
PACKAGE = "speechbrain_flashsr"

VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (HERE / PACKAGE / "__init__.py").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
).group(1)

# Training and its data; julius is a resampler that the cut-off network must
# know, mido takes MIDI files apart.
TRAIN = ["julius>=0.2.7", "mido>=1.3", "tensorboard>=2.12"]

# The page of `flashsr app`.
APP = ["gradio>=6.0,<7"]

# Packages that write the files of `flashsr export` and run them
ONNX = ["onnx>=1.16", "onnxruntime>=1.16", "onnxscript>=0.5"]

# Perceptual metrics and the report page of the evaluation; pesq is compiled,
# and librosa and onnxruntime are what speechmos needs.
EVALUATE = [
    "jinja2>=3.0",
    "librosa>=0.10",
    "onnxruntime>=1.16",
    "pesq>=0.0.4",
    "pystoi>=0.4.1",
    "speechmos>=0.0.1",
    "visqol-python>=3.8",
]

ASR_CHECK = ["pocketsphinx==5.1.1"]

# SpeechBrain's tools at SpeechBrain's versions; setuptools builds the wheel
# that the tests look into.
DEV = [
    "codespell>=2.3.0",
    "pre-commit>=2.3.0",
    "pytest>=7.4.0",
    "pytest-xdist>=3.7",
    "ruff==0.12.4",
    "selenium>=4.20",
    "setuptools>=70.1",
    "tomli; python_version < '3.11'",
    "yamllint==1.35.1",
]

setup(
    name=PACKAGE,
    version=VERSION,
    description=(
        "FlashSR for SpeechBrain: versatile audio super-resolution to 48 kHz "
        "in one diffusion step"
    ),
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The speechbrain_flashsr developers",
    license="Apache-2.0",
    keywords=[
        "audio super-resolution",
        "bandwidth extension",
        "diffusion",
        "speechbrain",
        "pytorch",
    ],
    classifiers=[
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={PACKAGE: ["pretrained/small/*", "pretrained/bandwidth/*"]},
    python_requires=">=3.10",
    install_requires=[
        "av>=16",
        "filelock>=3.12",
        "hyperpyyaml>=1.2.3",
        "matplotlib>=3.6",
        "mutagen>=1.47",
        "numpy>=1.24",
        "safetensors>=0.4.3",
        "scipy>=1.10",
        "soundfile>=0.13",
        "soxr>=0.5",
        "speechbrain>=1.1.2,<2",
        "torch>=2.7.1",
        "torchaudio>=2.7.1",
        "tqdm>=4.42.0",
    ],
    extras_require={
        "app": APP,
        "train": TRAIN,
        "evaluate": EVALUATE,
        "onnx": ONNX,
        "dev": APP + ASR_CHECK + ONNX + TRAIN + DEV,
        "asr-check": ASR_CHECK,
    },
    entry_points={"console_scripts": [f"flashsr = {PACKAGE}.cli:main"]},
)
