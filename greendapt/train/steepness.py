"""How steep the loss is in each unit, seen along a training without a pass of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from greendapt.models.backbone import Backbone


class Steepness:
    """Told after each step, as `Training.stepped` is: each unit's gradient norm over the norm of
    what trains of it."""

    def __init__(self, backbone: Backbone, stepped: Callable[[float], None]) -> None:
        self._stepped, self._steps = stepped, 0
        self._summed = [torch.zeros(())] * len(backbone.units)
        self._trains: dict[int, list[torch.nn.Parameter]] = {}
        for name, parameter in backbone.net.named_parameters():
            if parameter.requires_grad:
                self._trains.setdefault(backbone.unit_of(name), []).append(parameter)

    @torch.no_grad()
    def __call__(self, share: float) -> None:
        for unit, parameters in self._trains.items():
            pairs = [(p.grad, p) for p in parameters if p.grad is not None]
            if pairs:  # not of what is frozen by now
                slope, size = (_norm(part) for part in zip(*pairs, strict=True))
                tiny = torch.finfo(size.dtype).tiny
                self._summed[unit] = self._summed[unit].to(size) + slope / size.clamp_min(tiny)
        self._steps += 1
        self._stepped(share)

    def mean(self) -> tuple[float, ...]:
        """Of the steps that were told."""
        return tuple(float(summed) / max(1, self._steps) for summed in self._summed)


def _norm(tensors: Iterable[Tensor]) -> Tensor:
    norms = [tensor.float().norm() for tensor in tensors]
    norm: Tensor = torch.stack(norms).norm()
    return norm
