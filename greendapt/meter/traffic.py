"""What a step asks of a device: operation by operation, FLOPs and the numbers it moves."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from greendapt.meter.flops_formulas import FORMULAS


@dataclass(frozen=True)
class Traffic:
    """Of each operation of a step: FLOPs [K], and numbers read and written [K]."""

    flops: NDArray[np.float64]
    numbers: NDArray[np.float64]

    def seconds(self, flops_per_s: float, bytes_per_s: float, bytes_each: int) -> float:
        """One operation after the other, each limited by arithmetic or by memory (roofline;
        Williams, Waterman, Patterson 2009)."""
        arithmetic_s = self.flops / flops_per_s
        memory_s = self.numbers * bytes_each / bytes_per_s
        return float(np.maximum(arithmetic_s, memory_s).sum())

    def __len__(self) -> int:
        return len(self.flops)


def traffic(step: Callable[[], Tensor], optimised: nn.Module | None = None) -> Traffic:
    """Run ``step`` on meta tensors; with its backward pass and Adam's update (reads value,
    gradient and two moments, writes three) of what trains in ``optimised``."""
    tally = _Tally()
    with warnings.catch_warnings(), tally:
        warnings.filterwarnings("ignore", module=r"torch\.utils\.flop_counter")
        loss = step().sum()
        if optimised is not None:
            loss.backward()  # type: ignore[no-untyped-call]
    if optimised is not None:
        trained = sum(p.numel() for p in optimised.parameters() if p.requires_grad)
        tally.flops.append(0)
        tally.numbers.append(7 * trained)
    return Traffic(np.array(tally.flops, float), np.array(tally.numbers, float))


class _Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        counter = FlopCounterMode(display=False, custom_mapping=dict(FORMULAS))
        self._formulas: dict[Any, Callable[..., int]] = counter.flop_registry
        self.flops: list[int] = []
        self.numbers: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = kwargs or {}
        out = func(*args, **given)
        if not func.is_view:
            formula = self._formulas.get(func._overloadpacket)
            self.flops.append(formula(*args, **given, out_val=out) if formula else 0)
            leaves = tree_leaves((args, given, out))
            self.numbers.append(sum(x.numel() for x in leaves if isinstance(x, Tensor)))
        return out
