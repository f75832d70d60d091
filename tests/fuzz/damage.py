"""Ways to damage bytes, and values of JSON and YAML.

Authors
 * The speechbrain_flashsr developers 2026
"""


def damage(content, rng):
    """Damages bytes in one to four ways.

    Arguments
    ---------
    content : bytes
        Of a file.
    rng : random.Random
        Source of chance.

    Returns
    -------
    bytes
        Most often others.
    """
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        rng.choice(DAMAGES)(content, rng)
    return bytes(content)


def _place(content, rng):
    """Half of the places are near an end, where headers are."""
    size = len(content)
    place = rng.randrange(size + 1)
    if rng.random() < 0.5:
        near = min(size, 400)
        place = rng.choice([rng.randrange(near + 1), size - near])
        place += rng.randrange(near + 1) if place == size - near else 0
    return min(place, size)


def _flip(content, rng):
    place = _place(content, rng)
    if place < len(content):
        content[place] ^= 1 << rng.randrange(8)


def _overwrite(content, rng):
    place, length = _place(content, rng), rng.choice([1, 4, 8, 100])
    filling = rng.choice(
        [b"\0" * length, b"\xff" * length, rng.randbytes(length)]
    )
    content[place : place + length] = filling


def _truncate(content, rng):
    del content[_place(content, rng) :]


def _cut(content, rng):
    place = _place(content, rng)
    del content[place : place + rng.choice([1, 2, 7, 64, 1000])]


def _insert(content, rng):
    place = _place(content, rng)
    content[place:place] = rng.randbytes(rng.choice([1, 2, 7, 64, 1000]))


def _repeat(content, rng):
    place = _place(content, rng)
    content[place:place] = content[place : place + rng.choice([1, 8, 300])]


def _swap(content, rng):
    places = _place(content, rng), _place(content, rng)
    parts = [content[place : place + 16] for place in places]
    for place, part in zip(places, reversed(parts)):
        content[place : place + len(part)] = part


def _number(content, rng):
    """A number that is too large, or negative."""
    place = _place(content, rng)
    value = rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63, -1])
    size = rng.choice([2, 4, 8])
    value %= 1 << 8 * size
    content[place : place + size] = value.to_bytes(
        size, rng.choice(["little", "big"])
    )


DAMAGES = [
    _flip,
    _flip,
    _overwrite,
    _truncate,
    _cut,
    _insert,
    _repeat,
    _swap,
    _number,
]

VALUES = [
    *(None, True, False, 0, 1, -1, 2, 3, 7, 10**6, 10**9, 10**30, 0.5, -1.5),
    *(
        1e300,
        float("inf"),
        float("nan"),
        "",
        "x",
        "\0",
        "3",
        "../..",
        "a" * 5000,
    ),
    *([], {}, [1], {"a": 1}, [[]]),
]
"""Values that are seldom expected."""
