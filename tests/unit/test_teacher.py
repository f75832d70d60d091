"""What the teacher's loss counts.

Authors
 * The speechbrain_flashsr developers 2026
"""

from types import SimpleNamespace

import torch

from speechbrain_flashsr.brains.teacher import TeacherBrain
from speechbrain_flashsr.lobes.features import LogMel


def test_bands_above_the_rolloff_count_less():
    features = LogMel()
    brain = TeacherBrain(
        modules={"unet": torch.nn.Identity()},
        hparams={"features": features, "beyond_rolloff_weight": 0.1},
        run_opts={"device": "cpu"},
    )
    batch = SimpleNamespace(rolloff_hz=torch.tensor([12000.0, 24000.0]))
    weights = brain.band_weights(batch, 32)
    assert weights.shape == (2, 1, 1, 32)
    centres = features.band_centres().view(32, 8).mean(1)
    expected = torch.where(centres < 12000, 1.0, 0.1)
    assert torch.equal(weights[0, 0, 0], expected)
    assert torch.all(weights[1] == 1.0)
