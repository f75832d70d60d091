"""The best that a machine does on each convolution of a model.

Every distinct convolution is timed by itself in each form and layout that
PyTorch has for it; the sum of the best times is what the model cannot beat
without computing something else.

Authors
 * The speechbrain_flashsr developers 2026
"""

import time
from collections import Counter
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

from speechbrain_flashsr.lobes.convolutions import UpsamplingConv2d

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d)


class Convolution(NamedTuple):
    """All that decides how long a convolution takes."""

    transposed: bool
    input: tuple
    weight: tuple
    stride: tuple
    padding: tuple
    dilation: tuple

    @property
    def gflop(self):
        """Multiplications and additions, in thousand millions."""
        x, w = (
            torch.empty(s, device="meta") for s in (self.input, self.weight)
        )
        places = x if self.transposed else self.run(x, w)
        return 2e-9 * w.numel() * places[:, 0].numel()

    def run(self, x, w):
        """Computes it for 3-d tensors, or for 4-d ones where it is 1-d."""
        function = F.conv_transpose1d if self.transposed else F.conv1d
        if x.dim() == 4:
            function = F.conv_transpose2d if self.transposed else F.conv2d
        missing = x.dim() - 2 - len(self.stride)
        return function(
            x,
            w,
            stride=(1,) * missing + self.stride,
            padding=(0,) * missing + self.padding,
            dilation=(1,) * missing + self.dilation,
        )


def record_convolutions(modules, run):
    """Which convolutions a model computes.

    Arguments
    ---------
    modules : dict
        {name of a part: list of its modules}
    run : callable
        Runs the model once.

    Returns
    -------
    dict
        {name of a part: {Convolution: how often}}
    """
    counts = {part: Counter() for part in modules}
    hooks = []

    def hook(part):
        def record(module, inputs, output):
            counts[part][_describe(module, inputs[0])] += 1

        return record

    for part, members in modules.items():
        for module in (m for member in members for m in member.modules()):
            if isinstance(module, CONVOLUTIONS):
                hooks.append(module.register_forward_hook(hook(part)))
    run()
    for handle in hooks:
        handle.remove()
    return counts


def _describe(module, x):
    shape = list(x.shape)
    if isinstance(module, UpsamplingConv2d):
        shape[2:] = [2 * size for size in shape[2:]]
    return Convolution(
        isinstance(module, nn.ConvTranspose1d),
        tuple(shape),
        tuple(module.weight.shape),
        module.stride,
        module.padding,
        module.dilation,
    )


def best_time(function, *inputs, repeats, device):
    """Seconds that a function takes at best, after a first call.

    Arguments
    ---------
    function : callable
        What to time.
    *inputs
        Its arguments.
    repeats : int
        Calls that are timed.
    device : str
        Where it runs.

    Returns
    -------
    float
    """
    times = []
    for _ in range(repeats + 1):
        synchronize(device)
        start = time.perf_counter()
        function(*inputs)
        synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times[1:])


def synchronize(device):
    """Waits for what a GPU still has to do."""
    if str(device).startswith("cuda"):
        torch.cuda.synchronize(device)


@torch.no_grad()
def ceiling(convolution, dtype, device, repeats):
    """The best time of a convolution, and its form.

    Arguments
    ---------
    convolution : Convolution
        What to compute.
    dtype : torch.dtype
        Of input and weight.
    device : str
        Where.
    repeats : int
        Calls of each form that are timed.

    Returns
    -------
    seconds : float
    form : str
        "conv1d", "conv2d" or "conv2d, channels-last".
    """
    x = torch.randn(convolution.input, device=device).to(dtype)
    w = torch.randn(convolution.weight, device=device).to(dtype)
    forms = {}
    if x.dim() == 3:
        forms["conv1d"] = x, w
        x, w = x.unsqueeze(2), w.unsqueeze(2)
    forms["conv2d"] = x, w
    # A permutation, as `contiguous` keeps a layout that is ambiguous.
    forms["conv2d, channels-last"] = tuple(
        t.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) for t in (x, w)
    )
    options = {"repeats": repeats, "device": device}
    return min(
        (best_time(convolution.run, *pair, **options), form)
        for form, pair in forms.items()
    )
