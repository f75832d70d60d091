"""MIDI files in which one instrument plays alone: the parts of a piece, and
the instruments and drums of General MIDI.

In a mix, a model hardly learns how bright a cymbal or a muted guitar is by
itself.

Authors
 * The speechbrain_flashsr developers 2026
"""

import io
import logging
from bisect import bisect_left

import mido

logger = logging.getLogger(__name__)

PART_SECONDS = 24.0
LEAST_NOTES = 12  # of a part
UNREADABLE = (
    *(EOFError, OSError, ValueError, TypeError, LookupError),
    *(ZeroDivisionError, mido.KeySignatureError),
)
"""Exceptions of mido for files that it does not understand."""

PERCUSSION = 9  # its channel in General MIDI, counted from 0

# General MIDI 2, percussion: programs of the kits, keys of the drums
KITS = {
    **{"standard": 0, "room": 8, "power": 16, "electronic": 24},
    **{"analogue": 25, "jazz": 32, "brush": 40, "orchestra": 48},
}
DRUM_KEYS = range(27, 88)
DRUM_VELOCITIES = (50, 90, 125)
DRUM_SECONDS = 3.0  # a cymbal's decay
KEYS_IN_A_FILE = 6

PROGRAMS = range(128)
NOTE_KEYS = (40, 48, 55, 60, 67, 74, 81)
NOTE_SECONDS = (0.2, 0.5, 1.0, 1.5)
NOTE_VELOCITIES = (50, 80, 100, 125)
PAUSE_SECONDS = 0.4

TICKS_PER_BEAT = 480
TICKS_PER_SECOND = 2 * TICKS_PER_BEAT  # at MIDI's default tempo


def parts_of(content):
    """Separates the instruments of a piece: {channel: MIDI file of it alone, of
    the 24 s in which it begins most notes}. Channels with fewer than twelve
    notes are left out; a piece that cannot be read has no parts.

    Example
    -------
    >>> notes = [(0.1 * n, *_note(60, 0.1, channel=3)) for n in range(12)]
    >>> piece = midi_file([(t + d, m) for t, *pair in notes for d, m in pair])
    >>> list(parts_of(piece))
    [3]
    """
    try:
        piece = mido.MidiFile(file=io.BytesIO(content), clip=True)
        events, now = [], 0.0
        for message in piece:
            now += message.time
            if not message.is_meta and hasattr(message, "channel"):
                events.append((now, message))
    except UNREADABLE as error:
        logger.warning("A MIDI file has no parts: %r", error)
        return {}
    parts = {}
    for channel in sorted({m.channel for _, m in events}):
        own = [(t, m) for t, m in events if m.channel == channel]
        begins = [t for t, m in own if m.type == "note_on" and m.velocity]
        if len(begins) >= LEAST_NOTES:
            parts[channel] = midi_file(_excerpt(own, begins))
    return parts


def _excerpt(events, begins):
    """The events of a channel from the note on with which most of its notes
    begin within 24 s; settings from before apply."""
    start = max(
        begins,
        key=lambda t: bisect_left(begins, t + PART_SECONDS)
        - bisect_left(begins, t),
    )
    for time, message in events:
        is_note = message.type in ("note_on", "note_off")
        if time < start + PART_SECONDS and (time >= start or not is_note):
            yield max(time - start, 0.0), message
    yield PART_SECONDS, all_sound_off(events[0][1].channel)


def instruments():
    """Every instrument of General MIDI: {name: MIDI file of notes from low to
    high, of several lengths and strengths}."""
    files = {}
    for program in PROGRAMS:
        events = [(0.0, mido.Message("program_change", program=program))]
        now = 0.0
        for key in NOTE_KEYS:
            for step, (seconds, velocity) in enumerate(
                zip(NOTE_SECONDS, NOTE_VELOCITIES)
            ):
                for time, message in _note(key + step, seconds, velocity):
                    events.append((now + time, message))
                now += seconds + PAUSE_SECONDS
        files[f"program{program:03}"] = midi_file(events)
    return files


def drums():
    """Every drum of the kits of General MIDI 2: {name: MIDI file of up to six
    drums, each struck softly, firmly and hard}."""
    files = {}
    for kit, program in KITS.items():
        for index in range(0, len(DRUM_KEYS), KEYS_IN_A_FILE):
            change = mido.Message(
                "program_change", program=program, channel=PERCUSSION
            )
            events, now = [(0.0, change)], 0.0
            keys = DRUM_KEYS[index : index + KEYS_IN_A_FILE]
            for key in keys:
                for velocity in DRUM_VELOCITIES:
                    for time, message in _note(
                        key, DRUM_SECONDS, velocity, PERCUSSION
                    ):
                        events.append((now + time, message))
                    now += DRUM_SECONDS
            files[f"{kit}{keys[0]}"] = midi_file(events)
    return files


def _note(key, seconds, velocity=90, channel=0):
    """A note's two events, [(seconds, message)]."""
    about = {"note": key, "channel": channel}
    return [
        (0.0, mido.Message("note_on", velocity=velocity, **about)),
        (seconds, mido.Message("note_off", **about)),
    ]


def all_sound_off(channel):
    """The message that silences a channel; without it, notes that are held
    never end."""
    return mido.Message("control_change", channel=channel, control=120)


def midi_file(events):
    """A MIDI file with the given events, (seconds, mido.Message), as bytes."""
    track = mido.MidiTrack()
    now = 0
    for seconds, message in sorted(events, key=lambda event: event[0]):
        ticks = round(seconds * TICKS_PER_SECOND)
        track.append(message.copy(time=ticks - now))
        now = ticks
    file = io.BytesIO()
    mido.MidiFile(ticks_per_beat=TICKS_PER_BEAT, tracks=[track]).save(file=file)
    return file.getvalue()
