"""Validation during training: losses of each domain, and samples.

Authors
 * The speechbrain_flashsr developers 2026
"""

from speechbrain.dataio.batch import PaddedBatch
from speechbrain.utils.train_logger import TensorboardLogger


def batch_by_domain(examples):
    """Collates the examples of each domain, None for those without, into one
    batch: {domain: PaddedBatch}.

    Example
    -------
    >>> examples = [
    ...     {"id": str(i), "domain": domain}
    ...     for i, domain in enumerate(["music", "speech", "music"])
    ... ]
    >>> {domain: b.id for domain, b in batch_by_domain(examples).items()}
    {'music': ['0', '2'], 'speech': ['1']}
    """
    groups = {}
    for example in examples:
        groups.setdefault(example.get("domain"), []).append(example)
    return {domain: PaddedBatch(group) for domain, group in groups.items()}


class SampleLogger(TensorboardLogger):
    """TensorBoard logs with samples, numbered by epoch also after a resume."""

    def __init__(self, save_dir, sample_rate):
        super().__init__(save_dir)
        self.sample_rate = sample_rate

    def log_epoch(self, epoch, train_stats, valid_stats):
        """Logs the means of an epoch, {name: value}; epochs count from 1."""
        last = epoch - 1
        self.global_step = {
            "train": dict.fromkeys(train_stats, last),
            "valid": dict.fromkeys(valid_stats, last),
            "meta": last,
        }
        self.log_stats({}, train_stats, valid_stats)

    def log_samples(self, epoch, domain, samples):
        """Logs the samples of one recording of a domain: {name: log-mel
        spectrogram [frames, n_mels] or waveform [time]}."""
        self.global_step["meta"] = epoch
        for name, value in samples.items():
            tag = f"{domain or 'all'}/{name}"
            value = value.detach().float().cpu()
            if value.dim() == 1:
                self.log_audio(tag, value, self.sample_rate)
            else:
                self.log_figure(tag, value.T)
