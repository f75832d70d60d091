"""Super-resolution of sound files of any length.

Authors
 * The speechbrain_flashsr developers 2026
"""

from contextlib import ExitStack

import torch

from speechbrain_flashsr.audio.checks import AudioError, check_output_name
from speechbrain_flashsr.audio.decoders import block_frames
from speechbrain_flashsr.audio.headroom import Headroom
from speechbrain_flashsr.audio.output_formats import (
    check_output_rate,
    output_format,
)
from speechbrain_flashsr.audio.reading import AudioReader
from speechbrain_flashsr.audio.resampling import Resampler
from speechbrain_flashsr.audio.temporary import TemporarySamples
from speechbrain_flashsr.audio.writing import AudioWriter
from speechbrain_flashsr.inference.checks import check_input_rate, cutoff_list
from speechbrain_flashsr.inference.groups import channel_groups
from speechbrain_flashsr.inference.reporting import (
    FileReport,
    announce,
    warn_of_clipping,
    with_progress,
)
from speechbrain_flashsr.inference.restoration import restore_stream
from speechbrain_flashsr.inference.signal_analysis import analyse


def restore_file(
    flashsr,
    filename,
    output_filename,
    settings,
    cutoff=None,
    loop=False,
    rate=None,
    subtype=None,
    headroom=None,
    accept_truncated=False,
    raw=None,
    progressbar=False,
    on_block=None,
):
    """Reads a file twice, to analyse it and to restore it, and writes it.

    For arguments, errors and the report see
    :meth:`~speechbrain_flashsr.inference.FlashSR.super_resolve_file`."""
    model_rate = flashsr.sample_rate
    new_rate = model_rate if rate is None else check_output_rate(rate)
    level = None if headroom is None else Headroom(headroom)
    with ExitStack() as stack:
        reader = stack.enter_context(
            AudioReader(filename, accept_truncated, raw)
        )
        orig_rate = check_input_rate(
            reader.sample_rate, reader.name, model_rate
        )
        if output_filename is None and on_block is None:
            raise AudioError(
                f"No output_filename is given for {reader.name}. Name a "
                ".wav, .flac, .ogg or .opus file, or use enhance_file to get "
                "the waveform."
            )
        if output_filename is not None:
            check_output_name(filename, output_filename)
            file_type = output_format(output_filename, reader.subtype, subtype)
        cutoffs = cutoff_list(
            cutoff, reader.channels, min(orig_rate, model_rate)
        )

        tracks, silent, streams = [], [], []
        groups = channel_groups(reader.channels)
        for group in groups:
            title = reader.title
            if len(groups) > 1:
                title += f", channels {group.start + 1} to {group.stop}"
            # First pass: where the band ends, and how loud it is.
            blocks = with_progress(
                (block[group] for block in reader.blocks()),
                reader.num_samples,
                orig_rate,
                f"Analysing {title}" if progressbar else None,
            )
            analysis = analyse(
                blocks,
                orig_rate,
                cutoffs and cutoffs[group],
                loop=loop,
                first_channel=group.start,
            )
            tracks += analysis.tracks
            silent += analysis.silent
            num_samples = Resampler(orig_rate, new_rate).output_length(
                analysis.num_samples
            )
            # Second pass: the restored recording, at its new rate.
            blocks = with_progress(
                restore_stream(
                    flashsr,
                    (block[group] for block in reader.blocks()),
                    analysis,
                    settings,
                    new_rate,
                ),
                num_samples,
                new_rate,
                f"Restoring {title}" if progressbar else None,
            )
            if len(groups) > 1:
                # One group after the other is run, and waits for the last.
                samples = stack.enter_context(TemporarySamples())
                for block in blocks:
                    samples.write(block)
                blocks = samples.blocks(block_frames(reader.channels))
            streams.append(blocks)
        announce(tracks, silent, reader.name)

        writer, sinks = None, [] if on_block is None else [on_block]
        if output_filename is not None:
            if (
                orig_rate == new_rate
                and all(track.is_full_band for track in tracks)
                and (reader.format, reader.subtype) == file_type
                and reader.is_intact
                and level is None
            ):
                reader.copy_to(output_filename)
            else:
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
            blocks = map(torch.cat, zip(*streams, strict=True))
            for block in blocks if level is None else level(blocks):
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
        0.0 if level is None else level.gain_db,
    )
