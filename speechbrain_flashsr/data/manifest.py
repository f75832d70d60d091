"""Manifests: the recordings of a corpus, as the scripts that prepare them
write them.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json
import pathlib

from speechbrain.dataio.dataio import load_data_json

from speechbrain_flashsr.audio.writing import complete_file

LONGEST_TEXT = 4000
"""Characters of a path or name, at most."""

LARGEST_NUMBER = 1e9
"""Of seconds or Hz."""


def read_manifest(path, data_root):
    """Reads a manifest and checks its entries: JSON {id: {wav, start, stop,
    sample_rate, duration, domain, rolloff_hz}}; `group` and other keys are
    optional. `data_root` replaces {data_root} in it.

    Raises
    ------
    ValueError
        If the file is not such a manifest.

    Example
    -------
    >>> path = getfixture("tmp_path") / "train.json"
    >>> _ = path.write_text('{"a": {"wav": "{data_root}/a.wav"}}')
    >>> read_manifest(path, ".")
    Traceback (most recent call last):
    ...
    ValueError: .../train.json': `start` of 'a' is None instead of a whole...
    """
    try:
        entries = load_data_json(path, {"data_root": str(data_root)})
    except (OSError, MemoryError):
        raise
    # Damaged JSON makes its reader fail in any way.
    except Exception as error:
        raise _refusal(f"'{path}' is not a manifest: {error}") from error
    if not isinstance(entries, dict) or not entries:
        raise _refusal(
            f"'{path}' is not a manifest: it must hold an object with an entry "
            "for each recording"
        )
    for name, entry in entries.items():
        for key, (is_valid, kind) in KEYS.items():
            value = entry.get(key) if isinstance(entry, dict) else None
            if not is_valid(value):
                raise _refusal(
                    f"'{path}': `{key}` of '{name[:100]}' is "
                    f"{repr(value)[:100]} instead of {kind}"
                )
        if entry["stop"] <= entry["start"]:
            raise _refusal(
                f"'{path}': '{name[:100]}' stops at sample {entry['stop']} and "
                f"starts at {entry['start']}"
            )
    return entries


def _refusal(reason):
    return ValueError(f"{reason}. Prepare the data again.")


def write_json(path, content):
    """Writes a JSON file, which appears complete or not at all."""
    text = json.dumps(content, indent=1, ensure_ascii=False)
    with complete_file(path) as temporary:
        pathlib.Path(temporary).write_text(text, encoding="utf-8")


def _is_text(value):
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_TEXT
        and "\0" not in value
    )


def _is_whole(value):
    return type(value) is int and 0 <= value < 2**63


def _is_positive(value):
    return type(value) in (int, float) and 0 < value < LARGEST_NUMBER


KEYS = {
    "wav": (_is_text, "a path"),
    "start": (_is_whole, "a whole number of samples"),
    "stop": (_is_whole, "a whole number of samples"),
    "sample_rate": (_is_positive, "a rate in Hz"),
    "duration": (_is_positive, "a number of seconds"),
    "domain": (_is_text, "a name"),
    "group": (lambda v: v is None or _is_text(v), "a name, or nothing"),
    "rolloff_hz": (_is_positive, "a frequency in Hz"),
}
"""Required keys of an entry: their checks, and descriptions for errors."""
