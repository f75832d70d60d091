"""The precision in which a device runs networks fastest.

Authors
 * The speechbrain_flashsr developers 2026
"""

import torch

NATIVE_BFLOAT16 = ("amx_bf16", "avx512_bf16")
"""Capabilities of processors, in PyTorch's words, that multiply bfloat16 and
add in single precision. On processors without them, bfloat16 is slower."""


def fastest_precision(device_type):
    """Names the fastest precision that keeps the range of single precision, for
    a type of device: "bf16" where it multiplies bfloat16 natively, otherwise
    "fp32", also where PyTorch cannot tell, as before version 2.11 on a CPU.

    Example
    -------
    >>> fastest_precision("cpu") in ("bf16", "fp32")
    True
    >>> fastest_precision("meta")
    'fp32'
    """
    native = False
    if device_type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device_type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        native = any(capabilities.get(name) for name in NATIVE_BFLOAT16)
    return "bf16" if native else "fp32"
