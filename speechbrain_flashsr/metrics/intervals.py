"""Means of metrics over clips, and their confidence intervals.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
import scipy.stats

NUM_DRAWS = 2000


def mean_with_interval(values, seed=0):
    """Mean of a metric over clips, one value each, with its 95 % interval by
    the percentile bootstrap (B. Efron, "Bootstrap methods: another look at the
    jackknife", Annals of Statistics 1979): it says how the mean would vary with
    other clips of the same kind.

    Values that are NaN or infinite do not count. Returns `mean`, `lower` and
    `upper` (limits of the interval) and `clips` (how many have a value).
    Without a value the mean is None; with fewer than two the limits are.

    Example
    -------
    >>> mean_with_interval([1.0, 3.0, float("nan")])
    {'mean': 2.0, 'lower': 1.0, 'upper': 3.0, 'clips': 2}
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    lower = upper = None
    if len(values) > 1:
        interval = scipy.stats.bootstrap(
            (values,),
            np.mean,
            n_resamples=NUM_DRAWS,
            method="percentile",
            random_state=np.random.default_rng(seed),
        ).confidence_interval
        lower, upper = float(interval.low), float(interval.high)
    mean = float(values.mean()) if len(values) else None
    return {"mean": mean, "lower": lower, "upper": upper, "clips": len(values)}
