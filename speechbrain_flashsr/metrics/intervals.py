"""Means of metrics over clips, and how certain they are.

Authors
 * The speechbrain_flashsr developers 2026
"""

import numpy as np
from speechbrain.utils.metric_stats import MetricStats


class IntervalStats(MetricStats):
    """SpeechBrain's `MetricStats` with a 95 % interval of the average.

    The interval is that of the percentile bootstrap (B. Efron, "Bootstrap
    methods: another look at the jackknife", Annals of Statistics 1979): clips
    are drawn anew with replacement. It says how the average would vary with
    other clips of the same kind. Clips that a metric cannot judge (NaN) do not
    count.

    Arguments
    ---------
    metric : callable
        See `MetricStats`; one value a clip.
    num_draws : int
        How often the clips are drawn.
    seed : int
        Of the draws.
    **kwargs
        See `MetricStats`.

    Example
    -------
    >>> import torch
    >>> stats = IntervalStats(lambda ours, theirs: (ours - theirs).abs())
    >>> stats.append(["a", "b"], torch.tensor([1.0, 3.0]), torch.zeros(2))
    >>> stats.append(["c"], torch.tensor([float("nan")]), torch.zeros(1))
    >>> summary = stats.summarize()
    >>> summary["count"], summary["average"]
    (2, 2.0)
    >>> summary["lower"], summary["upper"], summary["max_id"]
    (1.0, 3.0, 'b')
    """

    def __init__(self, metric, num_draws=2000, seed=0, **kwargs):
        super().__init__(metric, **kwargs)
        self.num_draws = num_draws
        self.seed = seed

    def summarize(self, field=None):
        """Summarizes the scores.

        Arguments
        ---------
        field : str, optional
            Which statistic to return. Default: all.

        Returns
        -------
        float or dict
            `average`, `lower` and `upper` (limits of the interval), `count`
            (clips with a value), and the extremes of `MetricStats`; NaN, and
            None for the ids, if no clip has a value. One clip has no interval.
        """
        scores = np.array([float(score) for score in self.scores])
        valid = np.flatnonzero(np.isfinite(scores))
        scores = scores[valid]
        nan = float("nan")
        self.summary = {
            "average": nan,
            "lower": nan,
            "upper": nan,
            "count": len(scores),
            "min_score": nan,
            "min_id": None,
            "max_score": nan,
            "max_id": None,
        }
        if len(scores):
            self.summary["average"] = float(scores.mean())
            for name, index in (
                ("min", scores.argmin()),
                ("max", scores.argmax()),
            ):
                self.summary[f"{name}_score"] = float(scores[index])
                self.summary[f"{name}_id"] = self.ids[valid[index]]
        if len(scores) > 1:
            rng = np.random.default_rng(self.seed)
            draws = rng.integers(
                len(scores), size=(self.num_draws, len(scores))
            )
            limits = np.percentile(scores[draws].mean(1), [2.5, 97.5])
            self.summary["lower"], self.summary["upper"] = limits.tolist()
        return self.summary if field is None else self.summary[field]
