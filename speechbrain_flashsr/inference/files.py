"""Super-resolution of sound files of any length.

Authors
 * The speechbrain_flashsr developers 2026
"""

from contextlib import ExitStack

import torch

from speechbrain_flashsr.audio import block_frames
from speechbrain_flashsr.audio.checks import (
    AudioError,
    check_output_name,
    check_sample_rate,
)
from speechbrain_flashsr.audio.formats import check_output_rate, output_format
from speechbrain_flashsr.audio.headroom import Headroom
from speechbrain_flashsr.audio.reading import AudioReader
from speechbrain_flashsr.audio.resampling import resampled_length
from speechbrain_flashsr.audio.temporary import TemporarySamples
from speechbrain_flashsr.audio.writing import AudioWriter
from speechbrain_flashsr.inference.checks import cutoff_list, warn_of_lower_rate
from speechbrain_flashsr.inference.reporting import (
    FileReport,
    warn_of_clipping,
    warn_of_unrestored,
    with_progress,
)
from speechbrain_flashsr.inference.restoration import restore_stream
from speechbrain_flashsr.inference.signal_analysis import (
    analyse,
    channel_groups,
)


def restore_file(
    flashsr,
    filename,
    output_filename,
    settings,
    *,
    cutoff,
    loop,
    rate,
    subtype,
    headroom,
    accept_truncated,
    raw,
    progressbar,
    on_block,
):
    """Reads a file twice, to analyse it and to restore it, and writes it.

    `settings` are the model's
    (:class:`~speechbrain_flashsr.inference.settings.Settings`). For all else
    see :meth:`~speechbrain_flashsr.inference.FlashSR.super_resolve_file`."""
    new_rate = flashsr.sample_rate if rate is None else check_output_rate(rate)
    lowering = Headroom(headroom)
    with ExitStack() as stack:
        reader = stack.enter_context(
            AudioReader(filename, accept_truncated, raw)
        )
        orig_rate = check_sample_rate(reader.sample_rate, reader.name)
        if output_filename is None and on_block is None:
            raise AudioError(
                f"No output_filename is given for {reader.name}. Name a "
                ".wav, .flac, .ogg or .opus file, or use enhance_file to get "
                "the waveform."
            )
        file_type = None  # nothing is written
        if output_filename is not None:
            check_output_name(filename, output_filename)
            file_type = output_format(output_filename, reader.subtype, subtype)
        cutoffs = cutoff_list(
            cutoff, reader.channels, min(orig_rate, flashsr.sample_rate)
        )

        groups = channel_groups(reader.channels)
        tracks, silent, streams = [], [], []
        for group in groups:
            title = reader.title if progressbar else None
            if title and len(groups) > 1:
                title += f", channels {group.start + 1} to {group.stop}"
            # First pass: where the band ends, and how loud it is.
            analysis = _analyse(reader, group, cutoffs, loop, title)
            tracks += analysis.tracks
            silent += analysis.silent
            # Second pass: the restored recording, at its new rate. It is run
            # when the blocks are asked for.
            blocks = _restore(
                flashsr, reader, group, analysis, settings, new_rate, title
            )
            if len(groups) > 1:
                # Groups are run here, one after the other, and wait for the
                # last.
                samples = stack.enter_context(TemporarySamples())
                for block in blocks:
                    samples.write(block)
                blocks = samples.blocks(block_frames(reader.channels))
            streams.append(blocks)
        warn_of_unrestored(tracks, silent, reader.name)
        # All groups are equally long.
        num_samples = resampled_length(
            analysis.num_samples, orig_rate, new_rate
        )

        is_unchanged = (
            orig_rate == new_rate
            and all(track.is_full_band for track in tracks)
            and (reader.format, reader.subtype) == file_type
            and reader.is_intact
            and headroom is None
        )
        writer, sinks = None, [] if on_block is None else [on_block]
        if is_unchanged:
            reader.copy_to(output_filename)
        if sinks or not is_unchanged:
            warn_of_lower_rate(orig_rate, reader.name, flashsr.sample_rate)
        if not is_unchanged and output_filename is not None:
            writer = stack.enter_context(
                AudioWriter(
                    output_filename,
                    new_rate,
                    reader.channels,
                    *file_type,
                    num_samples=num_samples,
                    metadata=reader.metadata(),
                )
            )
            sinks.append(writer.write)
        if sinks:
            for block in lowering.lowered(
                map(torch.cat, zip(*streams, strict=True))
            ):
                for sink in sinks:
                    sink(block)
    if writer is not None:
        warn_of_clipping(writer)
    return FileReport(
        output_filename and str(output_filename),
        orig_rate,
        new_rate,
        num_samples,
        tracks,
        0 if writer is None else writer.clipped_samples,
        lowering.gain_db,
    )


def _analyse(reader, group, cutoffs, loop, title):
    """The SignalAnalysis of a group of a file's channels."""
    blocks = with_progress(
        (block[group] for block in reader.blocks()),
        reader.num_samples,
        reader.sample_rate,
        title and f"Analysing {title}",
    )
    return analyse(
        blocks,
        reader.sample_rate,
        cutoffs and cutoffs[group],
        loop=loop,
        first_channel=group.start,
    )


def _restore(flashsr, reader, group, analysis, settings, new_rate, title):
    """The restored blocks of a group of a file's channels."""
    blocks = (block[group] for block in reader.blocks())
    return with_progress(
        restore_stream(flashsr, blocks, analysis, settings, new_rate),
        resampled_length(analysis.num_samples, reader.sample_rate, new_rate),
        new_rate,
        title and f"Restoring {title}",
    )
