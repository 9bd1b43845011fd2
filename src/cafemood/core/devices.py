"""What this machine computes with: the device, the precisions of its processor, its cores."""

from __future__ import annotations

import os
from typing import Any

import torch


def processor_has(precision: str) -> bool:
    """Whether the device that computes here has instructions of its own for a half precision."""
    if torch.cuda.is_available():
        return precision == "float16" or torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    names = {"float16": ("avx512_fp16", "amx_fp16"), "bfloat16": ("avx512_bf16", "amx_bf16")}[precision]
    return any(capabilities.get(name) for name in names)


def device() -> torch.device:
    """The device that computes here."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def n_cores() -> int:
    """The processor's cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
