"""Kernels that the package ``kernels`` has fetched from its hub, or may fetch. Standard library only."""

from __future__ import annotations

import importlib
from typing import Any

FLASH_ATTENTION_3 = "kernels-community/flash-attn3"
MAJOR = 1


def flash_attention_3() -> Any:
    """The module with ``flash_attn_func`` and ``flash_attn_varlen_func``. Raises ``ModuleNotFoundError`` without the
    package, and whatever that raises for a kernel that is neither here nor to be had."""
    get_kernel = importlib.import_module("kernels").get_kernel
    try:
        fetched = get_kernel(FLASH_ATTENTION_3, version=MAJOR)  # from 0.17 on one has to be named
    except (TypeError, AttributeError):  # before, there was none, or it was a text like '>=1'
        fetched = get_kernel(FLASH_ATTENTION_3)
    return getattr(fetched, "flash_attn_interface", fetched)
