"""Half precision in training where the processor is faster with it."""

import torch


def fast_precision() -> torch.autocast:
    """A context that computes in bfloat16 on processors that have it, else in float32.

    Others emulate it, and have no recurrent layers in it.
    """
    known = bool(torch.cpu.get_capabilities().get("avx512_bf16"))
    return torch.autocast("cpu", torch.bfloat16, enabled=known)
