"""Tests of the documents: their examples run, and their links lead somewhere.

Authors
 * The speechbrain_flashsr developers 2026
"""

import os
import re
import shlex

import pytest
import soundfile
import torch
from speechbrain.inference.ASR import EncoderDecoderASR
from speechbrain.inference.enhancement import SpectralMaskEnhancement
from speechbrain.inference.VAD import VAD

from speechbrain_flashsr.cli import arguments
from speechbrain_flashsr.cli.command import SUBCOMMANDS
from speechbrain_flashsr.inference import FlashSR, SuperResolutionFrontEnd
from tests.tiny_model import save_tiny_model
from tests.tiny_pipelines import save_tiny_pipeline


def code_blocks(document, languages):
    """The fenced blocks of a document as (language, text)."""
    text = document.read_text(encoding="utf-8")
    return re.findall(rf"^```({languages})\n(.*?)^```$", text, re.M | re.S)


def run_examples(document, names):
    """Runs the Python examples of a document; YAML goes to the file that its
    first line names."""
    for kind, text in code_blocks(document, "python|yaml"):
        if kind == "yaml":
            name = re.match(r"# (\S+\.yaml)", text)[1]
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        else:
            exec(compile(text, str(document), "exec"), names)
    return names


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """The place of someone who tries the examples: recordings, and tiny models
    in place of those that are loaded. Holds the names that are given."""
    tiny = FlashSR.from_hparams(
        save_tiny_model(tmp_path / "tiny"),
        run_opts={"device": "cpu", "noprogressbar": True},
    )
    monkeypatch.setattr(FlashSR, "from_hparams", lambda *_, **__: tiny)
    for interface in (EncoderDecoderASR, SpectralMaskEnhancement, VAD):
        folder = save_tiny_pipeline(interface.__name__, tmp_path)
        load = interface.from_hparams

        def from_hparams(source, load=load, folder=folder, **kwargs):
            assert source.startswith("speechbrain/")
            return load(folder, run_opts={"device": "cpu"}, **kwargs)

        monkeypatch.setattr(interface, "from_hparams", from_hparams)
    monkeypatch.chdir(tmp_path)
    os.mkdir("examples")
    for name in ("examples/announcement.flac", "call.wav", "noisy.wav"):
        soundfile.write(name, 0.1 * torch.randn(4800, 2).numpy(), 8000)
    return {
        "wavs8": torch.randn(2, 4000),
        "wavs16": torch.randn(2, 4000),
        "lengths": torch.ones(2),
    }


@pytest.mark.slow
def test_examples_of_the_readme_run(project, reader, capsys):
    names = run_examples(project / "README.md", reader)
    assert names["wavs48"].shape == (2, 12000)
    assert soundfile.info("restored.wav").samplerate == 48000
    assert isinstance(names["asr"].audio_normalizer, SuperResolutionFrontEnd)
    assert not os.path.exists(names["path"])  # it was there for the block only


@pytest.mark.slow
def test_examples_of_the_pipelines_run(project, reader, capsys):
    names = run_examples(project / "docs" / "pipelines.md", reader)
    info = soundfile.info("restored.wav")
    assert (info.samplerate, info.channels) == (48000, 2)
    assert isinstance(names["asr"].audio_normalizer, SuperResolutionFrontEnd)
    assert torch.is_tensor(names["boundaries"])
    assert names["data"][0]["sig"].shape == (9600,)


def test_commands_of_the_documents_have_valid_arguments(project):
    commands = [
        shlex.split(line, comments=True)[1:]
        for document in [project / "README.md", *project.glob("docs/*.md")]
        for _, text in code_blocks(document, "shell")
        for line in text.replace("\\\n", "").splitlines()
        if line.startswith("flashsr ")
    ]
    assert len(commands) > 10
    for command in commands:
        if command == ["--help"]:
            continue
        if command[0] in SUBCOMMANDS:
            parser = SUBCOMMANDS[command[0]].make_parser()
            parser.parse_args(command[1:])
        else:
            arguments.make_parser().parse_args(command)


def heading_anchors(document):
    """The anchors that GitHub makes of headings."""
    text = document.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


def test_links_between_documents_lead_somewhere(project):
    documents = [
        path
        for pattern in ("*.md", "docs/*.md", "recipes/**/*.md")
        for path in project.glob(pattern)
    ]
    documents.append(
        project / "speechbrain_flashsr" / "pretrained" / "small" / "README.md"
    )
    broken = []
    for document in documents:
        text = document.read_text(encoding="utf-8")
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = link.partition("#")
            if path.startswith(("http://", "https://")):
                continue
            target = document.parent / path if path else document
            found = target.exists() and (
                not anchor or anchor in heading_anchors(target)
            )
            if not found:
                broken.append(f"{document.relative_to(project)}: {link}")
    assert not broken
