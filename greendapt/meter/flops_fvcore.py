"""fvcore's count, as a labelled cross-check: multiply-adds of the forward pass only."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import chain

import torch
from torch import nn

from greendapt.meter.flops import meta_copy


def fvcore_forward_flops(model: nn.Module, input_shape: Sequence[int]) -> int | None:
    """Twice fvcore's count for a batch of ``input_shape``; None where fvcore cannot trace.

    Attention's products are left out where they are fused, norms and resampling are counted: a
    few per cent off from ``training_step_flops`` is normal. fvcore traces with values, so one
    image really runs, on the CPU, through a copy whose weights are zero.
    """
    batch, *image = input_shape
    twin = meta_copy(model).to_empty(device="cpu").eval()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        from fvcore.nn import FlopCountAnalysis  # warns of torch.jit when it is imported

        for tensor in chain(twin.parameters(), twin.buffers()):
            tensor.zero_()
        counted = FlopCountAnalysis(twin, torch.zeros(1, *image))
        counted.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        counted.tracer_warnings("none")
        try:
            return 2 * batch * int(counted.total())
        except Exception:  # whatever a model's code raises under torch.jit.trace
            return None
