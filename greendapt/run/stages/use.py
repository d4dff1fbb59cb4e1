"""What an image costs once a network is in use: forward passes, one image at a time and several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from greendapt.core.figures import Figure, add
from greendapt.core.records import Kind, Pace, Role, UseDetails
from greendapt.data.sources.image_files import read_images
from greendapt.data.sources.read_folder import read_folder
from greendapt.meter.clock import now_s
from greendapt.meter.devices import synchronize
from greendapt.run.context import Context
from greendapt.run.stages import counted
from greendapt.run.stages.base import Monitor, Outcome, Stage
from greendapt.run.stages.counted import Effort, Passes
from greendapt.run.stages.downstream import Downstream
from greendapt.stats.intervals import t_interval
from greendapt.suite.datasets import FolderData

_WARM = 3
_ROUND_S = 0.5
"""How long the meter is read over, at least: some refresh ten times a second."""
_LEAST, _MOST = 3, 8
"""Rounds: no more than needed until the interval is within `_NEAR` of the mean."""
_NEAR = 0.05


@dataclass(frozen=True, kw_only=True)
class Using(Stage):
    """Of the kind of network that ``trained`` leaves, with random weights: they do not change what
    a pass takes, so that all seeds and strategies of one network share one measurement."""

    kind: ClassVar = Kind.USE
    role: ClassVar[Role] = "use"

    trained: Downstream
    batches: tuple[int, ...]

    @classmethod
    def of(cls, trained: Downstream, batches: tuple[int, ...]) -> Using:
        ground = trained.ground
        alike = replace(ground, start=replace(ground.start, seed=None))
        return cls(ground=alike, trained=trained, batches=batches)

    def _decides(self) -> dict[str, object]:
        data = self.ground.development
        return {"network": self.trained.network, "data": data, "batches": self.batches}

    def _title(self) -> str:
        what, *_ = self.trained.network
        return self.ground.title(f"with {what} in use")

    def _run(self, context: Context, monitor: Monitor) -> Outcome:
        engine, network = self.engine(context), self.trained.untrained(context)
        images = _images(context, max(self.batches)).to(engine.device)

        def forward(batch: Tensor) -> None:
            with torch.inference_mode(), engine.autocast():
                network(network.backbone.prepare(batch))
            synchronize(str(engine.device))

        paces = []
        for batch in self.batches:
            paces.append(_pace(partial(forward, images[:batch]), batch, monitor))
            monitor.on_progress(len(paces) / len(self.batches))
        flops = self.trained.use_flops(context)
        cheapest = min(paces, key=lambda pace: pace.price).batch
        files = self._files(cheapest)

        def read_forward() -> None:
            pixels = read_images(files, context.image_size).pixels
            forward(torch.from_numpy(pixels).to(engine.device))

        from_files = _pace(read_forward, cheapest, monitor) if files else None
        state = network.state_dict().values()
        details = UseDetails(
            flops=flops,
            bytes=sum(one.numel() * one.element_size() for one in state),
            paces=tuple(paces),
            from_files=from_files,
        )
        every = [*paces, *([from_files] if from_files else [])]
        return Outcome(flops * sum(pace.batch * pace.passes for pace in every), details)

    def _files(self, count: int) -> list[Path]:
        """The first so many of the development data, again and again where it has fewer; none of
        what is no folder."""
        data, target = self.ground.suite.data, self.start.setting.target
        spec = data.development if target is None else data.targets[target].development
        if not isinstance(spec, FolderData):
            return []
        rows = read_folder(spec).rows
        return [rows[at % len(rows)].path for at in range(count)]

    def _effort(self, context: Context) -> Effort:
        """The least: rounds are as many as the meter needs."""
        return Effort(self.trained.use_flops(context) * sum(self.batches) * _LEAST)

    def _passes(self, context: Context, batch: int, ranks: int) -> Passes:
        del ranks
        return counted.forward_passes(context, self.start, batch)


def _images(context: Context, count: int) -> Tensor:
    """Decoded ones, uint8 [count, C, H, W]: reading files is no part of it."""
    test = context.data.development.part("test")
    return torch.from_numpy(test.gather(np.arange(count) % len(test)))


def _pace(forward: Callable[[], None], batch: int, monitor: Monitor) -> Pace:
    """Of ``forward``, which takes ``batch`` images: warm, in rounds, until the meter's interval (or
    that of time, without a meter) is narrow."""
    for _ in range(_WARM):
        forward()
    passes_s: list[float] = []
    energies: list[Figure] = []
    each: list[float] = []
    while len(each) < _LEAST or (len(each) < _MOST and not _is_narrow(each)):
        before = len(passes_s)
        with monitor.window() as window:
            begin_s = last_s = now_s()
            while last_s - begin_s < _ROUND_S:
                forward()
                done_s = now_s()
                passes_s.append(done_s - last_s)
                last_s = done_s
        seen = batch * (len(passes_s) - before)
        spent = window.figures.get("energy_j") or Figure.unavailable("J", "nothing was metered")
        energies.append(spent)
        each.append((last_s - begin_s if spent.value is None else spent.value) / seen)
    total = batch * len(passes_s)
    return Pace(
        batch=batch,
        passes=len(passes_s),
        median_ms=1e3 * float(np.median(passes_s)),
        p95_ms=1e3 * float(np.quantile(passes_s, 0.95)),
        wall_s=sum(passes_s) / total,
        energy_j=_with_spread(add(energies).scaled(1 / total, "J"), each),
    )


def _is_narrow(each: list[float]) -> bool:
    mean, low, high = t_interval(each)
    return low is not None and high is not None and high - low <= 2 * _NEAR * mean


def _with_spread(energy: Figure, each: list[float]) -> Figure:
    """Its bounds hold those of the meter, and how rounds differed."""
    mean, low, _ = t_interval(each)
    if energy.value is None or low is None:
        return energy
    spread = mean - low
    least = energy.value if energy.low is None else energy.low
    most = energy.value if energy.high is None else energy.high
    bounds = {"low": max(0.0, least - spread), "high": most + spread}
    return energy.model_copy(update=bounds)
