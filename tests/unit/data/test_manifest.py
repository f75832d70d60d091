"""Tests of speechbrain_flashsr.data.manifest.

Authors
 * The speechbrain_flashsr developers 2026
"""

import json

import pytest

from speechbrain_flashsr.data.manifest import read_manifest

ENTRY = {
    "wav": "{data_root}/a.wav",
    "start": 0,
    "stop": 48000,
    "sample_rate": 48000,
    "duration": 1.0,
    "domain": "speech",
    "rolloff_hz": 20000,
}


def test_the_root_is_put_in_and_other_keys_are_kept(tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"a": {**ENTRY, "licence": "CC0"}}))
    entries = read_manifest(path, "/corpus")
    assert entries == {"a": {**ENTRY, "wav": "/corpus/a.wav", "licence": "CC0"}}


@pytest.mark.parametrize(
    "key, value",
    [
        ("wav", None),
        ("wav", "a\0.wav"),
        ("wav", 3),
        ("start", -1),
        ("start", "0"),
        ("stop", True),
        ("duration", True),
        ("stop", 0.5),
        ("stop", 10**30),
        ("sample_rate", 0),
        ("duration", float("nan")),
        ("duration", float("inf")),
        ("duration", -1.0),
        ("domain", ""),
        ("domain", ["speech"]),
        ("rolloff_hz", "20 kHz"),
    ],
)
def test_an_entry_that_is_not_valid_is_named(tmp_path, key, value):
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"a": ENTRY, "b": {**ENTRY, key: value}}))
    with pytest.raises(ValueError, match=f"train.json': `{key}` of 'b' is .*"):
        read_manifest(path, tmp_path)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "3", '{"a": 3}', '{"a": {}}', "[" * 10**5, "\0"]
)
def test_a_file_that_is_not_a_manifest(tmp_path, text):
    path = tmp_path / "train.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="train.json'.*Prepare the data"):
        read_manifest(path, tmp_path)


def test_a_recording_that_stops_before_it_starts(tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"a": {**ENTRY, "start": 48000}}))
    with pytest.raises(ValueError, match="'a' stops at sample 48000"):
        read_manifest(path, tmp_path)
