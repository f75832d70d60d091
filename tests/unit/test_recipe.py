"""What every training script does before and after it trains.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

from speechbrain_flashsr.brains.recipe import leave_group


def test_distributed_training_ends_and_need_not_have_begun():
    leave_group()
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    assert torch.distributed.is_initialized()
    leave_group()
    assert not torch.distributed.is_initialized()
