"""From evidence for every chunk to a short list of edges over time.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np

CHANGE_COST = 9.0
"""Cost of a change of the edge in nats: two to four chunks must support it. On
recordings of the dev split that change every 5 s, 7 to 12 do equally well."""

ABOVE_FLOOR_DB = 6.0
"""Sound that exceeds the usual level above an edge by so much is not noise."""

OWN_COST = 6.0
"""By as many nats a channel's own track must explain it better than the track
that all channels share."""


def best_path(evidence):
    """The most likely sequence of states where changes are rare.

    Takes log-probabilities, [steps, states]; returns the state of every step,
    [steps], and the sum of its evidence, less the cost of its changes."""
    steps, states = evidence.shape
    stay = np.arange(states)
    origins = np.zeros((steps, states), np.int16)
    score = evidence[0].astype(np.float64)
    for step in range(1, steps):
        best = score.argmax()
        change = score[best] - CHANGE_COST
        origins[step] = np.where(score >= change, stay, best)
        score = np.maximum(score, change) + evidence[step]
    path = np.zeros(steps, np.int64)
    path[-1] = score.argmax()
    for step in range(steps - 1, 0, -1):
        path[step - 1] = origins[step, path[step]]
    return path, float(score.max())


def channel_paths(evidence):
    """A path for each channel of a recording: shared where they agree.

    Takes log-probabilities, [channels, steps, states], all 0 where a channel
    has no evidence; returns the paths, [channels, steps], and the evidence for
    their edges, shared like them, [channels, steps, states]."""
    own = [best_path(channel) for channel in evidence]
    paths = np.stack([path for path, _ in own])
    pooled = evidence.copy()
    # Without those that disagree, the others may agree on something else.
    agree = np.ones(len(evidence), bool)
    while agree.sum() > 1:
        together = evidence[agree].sum(axis=0)
        shared, _ = best_path(together)
        loss = np.array(
            [
                score - _score(channel, shared)
                for channel, (_, score) in zip(evidence, own)
            ]
        )
        still = agree & (loss <= OWN_COST)
        if (still == agree).all():
            paths[agree] = shared
            pooled[agree] = together
            break
        agree = still
    return paths, pooled


def _score(evidence, path):
    """Evidence along a path, less the cost of its changes."""
    changes = np.count_nonzero(np.diff(path))
    return evidence[np.arange(len(path)), path].sum() - CHANGE_COST * changes


def give_way(path, level_above):
    """Assigns a chunk in which the edge changes to the wider side, if it has
    sound above the narrower edge, so that real sound is not replaced.

    Takes the state of every step, [steps] (wider bands have higher states), and
    the level above the edge of each state in dB, [steps, states]."""
    given = path.copy()
    stretches = runs(path)
    for left, right in zip(stretches, stretches[1:]):
        narrow, wide = sorted((left, right))
        state, start, stop = narrow
        last = stop - 1 if narrow is left else start
        usual = np.quantile(level_above[start:stop, state], 0.25)
        if level_above[last, state] > usual + ABOVE_FLOOR_DB:
            given[last] = wide[0]
    return given


def runs(path):
    """Stretches of one state: [(state, start, stop), ...].

    Example
    -------
    >>> runs(np.array([4, 4, 2, 2, 2]))
    [(4, 0, 2), (2, 2, 5)]
    """
    starts = np.flatnonzero(np.diff(path, prepend=-1))
    stops = [*starts[1:], len(path)]
    return [(int(path[a]), int(a), int(b)) for a, b in zip(starts, stops)]
