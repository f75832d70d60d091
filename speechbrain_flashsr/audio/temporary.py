"""Samples that wait in a temporary file, so that memory does not hold them.

Authors
 * The speechbrain_flashsr developers 2026
"""

import tempfile

import numpy as np
import torch

from speechbrain_flashsr.audio.checks import AudioError


class TemporarySamples:
    """Consecutive samples in a temporary file, which vanishes when the `with`
    block ends.

    Example
    -------
    >>> with TemporarySamples() as samples:
    ...     samples.write(torch.tensor([[1.0, 2.0, 3.0]]))
    ...     samples.write(torch.tensor([[4.0, 5.0]]))
    ...     [block.tolist() for block in samples.blocks(4)]
    [[[1.0, 2.0, 3.0, 4.0]], [[5.0]]]
    """

    def __enter__(self):
        self._channels = 0
        self._file = tempfile.TemporaryFile()
        return self

    def __exit__(self, *exception):
        self._file.close()

    def write(self, block):
        """Appends samples, [channels, time]. Raises an AudioError if there is
        no room for them."""
        self._channels = len(block)
        frames = block.detach().to("cpu", torch.float32).T.contiguous()
        try:
            self._file.write(frames.numpy())
        except OSError as error:
            raise AudioError(
                f"The folder of temporary files, '{tempfile.gettempdir()}', "
                f"has no room for the recording ({error.strerror}). Name "
                "another in the environment variable TMPDIR."
            ) from error

    def blocks(self, length):
        """Yields all samples in blocks [channels, length], the last of which
        may be shorter."""
        self._file.seek(0)
        while data := self._file.read(4 * self._channels * length):
            frames = np.frombuffer(data, dtype=np.float32).copy()
            yield torch.from_numpy(frames).unflatten(0, (-1, self._channels)).T
