"""Another machine from its data sheet: a roofline over the operations of a step, and its power.

It knows peaks, and a run reaches a share of them. The shares assumed here come within a factor of
1.5 of what NVIDIA publishes for ResNet-50 on an A100 and a V100 (docs/plan.md).
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveFloat

from greendapt.core.errors import SuiteError
from greendapt.core.hints import did_you_mean
from greendapt.meter.traffic import Traffic
from greendapt.run.context import Context
from greendapt.run.stages.base import Stage
from greendapt.run.stages.counted import Effort, Pass
from greendapt.suite.models import Suite

ARITHMETIC = 0.5
MEMORY = 0.7
"""Shares of the peak rates that a training reaches."""
OPERATION_S = {"cuda": 40e-6, "cpu": 5e-6}
"""What starting an operation takes the host; a GPU waits for it where its own part is shorter.
(ResNet-50's 175 take 10 ms at a batch of one on a V100, as NVIDIA publishes.)"""
POWER = {"cuda": 0.8, "cpu": 1.0}
"""Share of the rated power drawn while a stage runs."""
SCALING = 0.85
"""What GPUs that share a batch reach of as many times one (NVIDIA: ResNet-50, 6.72 of 8)."""
STAGE_S, DRAW_S, PIXEL_S = 0.1, 1e-7, 25e-9
"""The host's part, as one core of a server takes: a stage's files; an image in a draw of the
bootstrap; a pixel of a corrupted copy."""
_BATCH = 64  # of a forward pass without training


class Device(BaseModel):
    """A row of ``devices.toml``; rates are peaks, power is rated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    kind: Literal["cuda", "cpu"]
    precision: str
    flops_per_s: dict[str, PositiveFloat]
    bytes_per_s: PositiveFloat
    power_w: PositiveFloat
    host_power_w: float
    source: str

    def arithmetic(self, fast: bool) -> str:
        """The precision a run computes in: torch's convolutions take tf32 where there is one."""
        if fast:
            return self.precision
        return "tf32" if "tf32" in self.flops_per_s else "float32"

    def step_s(self, step: Traffic, precision: str) -> float:
        """Seconds of what ``step`` asks for, at the assumed shares of the peaks."""
        each = 2 if precision in ("bfloat16", "float16") else 4
        rate = ARITHMETIC * self.flops_per_s[precision]
        device_s = step.seconds(rate, MEMORY * self.bytes_per_s, each)
        host_s = len(step) * OPERATION_S[self.kind]
        return max(device_s, host_s) if self.kind == "cuda" else device_s + host_s

    @property
    def watts(self) -> float:
        """Of one device at work, with its share of the host."""
        return POWER[self.kind] * self.power_w + self.host_power_w


@cache
def devices() -> dict[str, Device]:
    """Every profile by its name."""
    text = Path(__file__).with_name("devices.toml").read_text(encoding="utf-8")
    return {key: Device.model_validate(row) for key, row in tomllib.loads(text).items()}


def device(name: str) -> Device:
    """The profile of that name. Raises SuiteError where there is none."""
    profiles = devices()
    if name in profiles:
        return profiles[name]
    hint = did_you_mean(name, profiles) or f"there is: {', '.join(profiles)}"
    raise SuiteError(f"--device {name}: no data sheet of it is known; {hint}")


def ranks_of(suite: Suite, gpus: int, cells: int) -> int:
    """How many GPUs work on one stage: those that cells leave over, an image a step at least."""
    recipes = [phase for name in suite.run.strategies for phase in suite.phases(name)]
    batch = max((recipe.batch_size for recipe in recipes), default=1)
    return max(1, min(gpus // cells, batch))


@dataclass
class DataSheet:
    """Seconds and joules of stages on ``gpus`` of ``device``, ``ranks`` of them in a stage."""

    context: Context
    device: Device
    gpus: int = 1
    ranks: int = 1
    _paces_of: dict[str, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def precision(self) -> str:
        return self.device.arithmetic(bool(self.context.suite.run.fast_step))

    @property
    def basis(self) -> tuple[str, ...]:
        """What the figures rest on."""
        one = self.device
        rate = one.flops_per_s[self.precision]
        sentences = [
            f"{one.name}: {rate / 1e12:g} TFLOP/s in {self.precision}, "
            f"{one.bytes_per_s / 1e9:g} GB/s, {one.power_w:g} W and {one.host_power_w:g} W of its "
            f"host ({one.source})",
            f"assumed: {ARITHMETIC:.0%} of the peak rate, {MEMORY:.0%} of the bandwidth, "
            f"{POWER[one.kind]:.0%} of the power; no measurement, expect a factor of 1.5",
            "data nobody reads is taken as large as the suite says; that it fits the device's "
            "memory and that reading keeps up is not checked",
        ]
        if self.ranks > 1:
            sentences.append(
                f"{self.ranks} GPUs share the batches of a stage and are assumed to do "
                f"{SCALING:.0%} of as many times one"
            )
        if self.gpus // self.ranks > 1:
            sentences.append(f"{self.gpus // self.ranks} stages run at a time")
        return tuple(sentences)

    def costs(self, stage: Stage, effort: Effort) -> tuple[float, float | None]:
        """Seconds and joules of a stage on its GPUs."""
        step_s, forward_s, image_s = self._paces(stage)
        wall_s = step_s * effort.steps + forward_s * effort.validated / _BATCH / self.ranks
        if not effort.steps:
            wall_s += image_s * effort.images / _BATCH / self.ranks
        wall_s /= SCALING if self.ranks > 1 else 1.0
        pixels = effort.corrupted * self.context.image_size**2
        wall_s += STAGE_S + DRAW_S * effort.drawn + PIXEL_S * pixels
        return wall_s, wall_s * self.device.watts * self.ranks

    def _paces(self, stage: Stage) -> tuple[float, float, float]:
        """Seconds of a step, of a batch to validate, of a batch through the network."""
        like = stage.step_likeness
        if like not in self._paces_of:
            passes = stage.passes(self.context, _BATCH, self.ranks)
            self._paces_of[like] = (
                self._pass_s(passes.step),
                self._pass_s(passes.validation),
                self._pass_s(passes.forward),
            )
        return self._paces_of[like]

    def _pass_s(self, operations: Pass | None) -> float:
        return 0.0 if operations is None else self.device.step_s(operations(), self.precision)
