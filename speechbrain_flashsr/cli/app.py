"""The command `flashsr app`: a local page to look and listen at.

Authors
 * The speechbrain_flashsr developers 2026
"""

import argparse
import itertools
import logging
import math
import os
import tempfile
from pathlib import Path

from speechbrain_flashsr.cli.arguments import add_model_options
from speechbrain_flashsr.cli.batches import load_model
from speechbrain_flashsr.cli.messages import describe, say

OLDEST_FILE = 24 * 3600
"""Age at which the page's files are removed while it runs, in seconds."""

STRENGTHS = (-20, 20)
"""Range of the control of the restored band's level, in dB."""


def make_parser():
    """Describes the arguments."""
    parser = argparse.ArgumentParser(
        prog="flashsr app",
        description="Serves a page that restores recordings and shows them "
        "before and after. Only this machine can open it.",
    )
    parser.add_argument(
        "--port", type=int, help="default: the first free one from 7860"
    )
    add_model_options(parser)
    return parser


def run(arguments):
    """Serves the page until it is interrupted. Raises a ValueError if Gradio is
    missing or the model cannot be loaded, an OSError if the port is taken."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import gradio
    except ImportError as error:
        raise ValueError(
            "The page needs Gradio, which is not installed. Install it: "
            "pip install 'speechbrain_flashsr[app]'"
        ) from error
    flashsr = load_model(arguments)
    with tempfile.TemporaryDirectory(prefix="flashsr-app-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # uploads
        page = _make_page(gradio, flashsr, folder)
        _, address, _ = page.launch(
            server_name="127.0.0.1",
            server_port=arguments.port,
            prevent_thread_lock=True,
            quiet=True,
            ssr_mode=False,
            run_history=False,
            footer_links=[],
            theme=gradio.themes.Default(
                font="system-ui", font_mono="monospace"
            ),
        )
        say(f"flashsr: the page is at {address} until Ctrl-C is pressed.")
        page.block_thread()
    return 0


def _make_page(gr, flashsr, folder):
    """Lays out a gradio.Blocks whose results go to a folder."""
    delete_cache = OLDEST_FILE, OLDEST_FILE
    with gr.Blocks(title="FlashSR", delete_cache=delete_cache) as page:
        recording = gr.Audio(
            label="Drop a recording here, or record",
            sources=["upload", "microphone"],
            type="filepath",
            buttons=[],
        )
        with gr.Row():
            strength = gr.Slider(
                *STRENGTHS,
                value=0,
                step=0.5,
                label="Strength (dB)",
                info="by how much the restored band is raised",
            )
            cutoff = gr.Number(
                value=0,
                label="Cut-off (Hz)",
                info="where the recording's band ends; 0: it is detected",
            )
        button = gr.Button("Restore", variant="primary")
        results = [gr.Textbox(label="Result", interactive=False)]
        with gr.Row():
            for title, buttons in ("Before", []), ("After", ["download"]):
                with gr.Column():
                    results += [
                        gr.Audio(
                            label=title, interactive=False, buttons=buttons
                        ),
                        gr.Image(
                            alt_text=f"Spectrogram {title.lower()}",
                            show_label=False,
                            buttons=["fullscreen"],
                        ),
                    ]

        def show(*values, progress=gr.Progress(track_tqdm=True)):
            return restore(flashsr, folder, *values)

        button.click(show, [recording, strength, cutoff], results)
    return page


def restore(flashsr, folder, recording, strength=0.0, cutoff_hz=0):
    """Restores a recording, and draws it before and after, in a new folder in
    `folder`. A cut-off of 0 has it detected.

    Returns the finding and warnings, or the error; then the recording as WAV
    and its picture, the result and its picture, which are None after an error.
    """
    from speechbrain_flashsr.cli.pictures import plot_before_after

    if recording is None:
        return "The recording is missing. Drop a file or record.", *[None] * 4
    source, folder = Path(recording), Path(tempfile.mkdtemp(dir=folder))
    before, after = folder / "before.wav", folder / f"{source.stem}_48k.wav"
    pictures = [folder / "before.png", folder / "after.png"]
    texts, files = [], [None] * 4
    handler = logging.Handler()
    handler.emit = lambda record: texts.append(record.getMessage())
    package = logging.getLogger("speechbrain_flashsr")
    package.addHandler(handler)
    try:
        report = flashsr.super_resolve_file(
            source,
            after,
            strength=strength,
            cutoff=cutoff_hz or None,
            subtype="FLOAT",
        )
        gain_db = _write_playable(source, before, after)
        plot_before_after(source, after, pictures, report.cutoff_hz[0])
        texts.insert(0, f"{describe(report)}.")
        if gain_db:
            texts.append(
                f"Lowered by {-gain_db:.1f} dB, because it would clip."
                + " With less strength it stays louder." * (strength > 0)
            )
        files = [str(p) for p in (before, pictures[0], after, pictures[1])]
    except (ValueError, OSError) as error:
        texts = [str(error)]
    finally:
        package.removeHandler(handler)
    text = "\n".join(texts)
    for parent in (folder, source.parent):
        text = text.replace(f"{parent}{os.sep}", "")
    return text, *files


def _write_playable(recording, before, after):
    """Writes a recording in a format that all browsers play, and its result,
    which is floating point, again in the recording's sample format. Both are
    lowered alike if one would clip; returns the gain in dB."""
    from speechbrain_flashsr.audio.formats import output_format
    from speechbrain_flashsr.audio.headroom import LARGEST
    from speechbrain_flashsr.audio.reading import AudioReader
    from speechbrain_flashsr.audio.writing import AudioWriter

    with AudioReader(recording) as low, AudioReader(after) as high:
        blocks = itertools.chain(low.blocks(), high.blocks())
        peak = max(block.abs().max().item() for block in blocks)
        gain = LARGEST / max(LARGEST, peak)
        for reader, path, subtype, metadata in (
            (low, before, "PCM_16", None),
            (high, after, low.subtype, high.metadata()),
        ):
            form = output_format(path, subtype)
            with AudioWriter(
                path,
                reader.sample_rate,
                reader.channels,
                *form,
                reader.num_samples,
                metadata,
            ) as writer:
                for block in reader.blocks():
                    writer.write(gain * block)
    return 20 * math.log10(gain)
