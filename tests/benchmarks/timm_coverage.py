"""Which of timm's architectures greendapt can take: python tests/benchmarks/timm_coverage.py

Each of ``timm.list_models()`` is built on the meta device, for its own image size. Those of one
network class that consist of the same kinds of modules are alike for this: the smallest of them is
run (``none``, ``full``, ``last:1``) and stands for all; ``--every`` runs each. No values are
computed: that units give timm's own features, tests/models checks on real ones.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import timm
import torch
from torch import Tensor, nn

from greendapt.models.backbone import Backbone, InputSpec, create_net
from greendapt.models.walk import Walk

HAND, WALK, WHOLE, FAILS = "by a table of layers", "by a walk", "as a whole only", "not at all"
BIGGEST = 700_000_000
"""Parameters; a bigger one that nothing smaller stands for is not run."""


@dataclass
class Kind:
    """Architectures that are alike: (parameters, name)."""

    names: list[tuple[int, str]] = field(default_factory=list)

    @property
    def smallest(self) -> tuple[int, str]:
        return min(self.names)


def kinds(names: list[str], *, every: bool) -> tuple[list[Kind], dict[str, str]]:
    """Those that can be built, and why the others cannot."""
    found: dict[object, Kind] = defaultdict(Kind)
    failed: dict[str, str] = {}
    for name in names:
        try:
            net = built(name)
        except Exception as error:
            failed[name] = first_line(error)
            continue
        params = sum(parameter.numel() for parameter in net.parameters())
        parts = frozenset(type(module).__name__ for module in net.modules())
        alike = name if every else (type(net).__name__, parts)
        found[alike].names.append((params, name))
    return [*found.values()], failed


def image_size(name: str) -> int:
    size = timm.get_pretrained_cfg_value(name, "input_size")
    return int(size[-1]) if size else 224


def built(name: str) -> nn.Module:
    with torch.device("meta"):
        return create_net(name, image_size(name), InputSpec())


def way(name: str) -> str:
    """How an architecture runs; raises what it raises."""
    size = image_size(name)
    backbone = Backbone(name, built(name), InputSpec(), image_size=size).eval()
    images = torch.empty((2, 3, size, size), device="meta")
    features(backbone(images))
    if not isinstance(backbone.family, Walk):
        return HAND
    if len(backbone.units) == 1:
        return WHOLE
    last = len(backbone.units) - 1
    for path, parameter in backbone.net.named_parameters():
        parameter.requires_grad_(backbone.unit_of(path) == last)
    before = backbone.prefix(images, last)
    behind = features(backbone.run(before, last))
    if before.requires_grad or not behind.requires_grad:
        raise AssertionError("last:1 trains other weights than those of its block")
    return WALK


def features(x: Tensor) -> Tensor:
    if x.ndim != 2 or len(x) != 2:
        raise AssertionError(f"features of shape {tuple(x.shape)}")
    return x


def first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:90]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", action="store_true", help="Run each, not one of those alike.")
    parser.add_argument("names", nargs="*", help="Architectures (default: all).")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    begun = time.monotonic()
    names = chosen.names or timm.list_models()
    alike, failed = kinds(names, every=chosen.every)
    print(f"{len(names)} architectures, {len(alike)} kinds, {time.monotonic() - begun:.0f} s")
    ways: Counter[str] = Counter({FAILS: len(failed)})
    for kind in sorted(alike, key=lambda kind: kind.smallest):
        params, name = kind.smallest
        try:
            how, why = (way(name), "") if params < BIGGEST else (FAILS, "too big to be tried")
        except Exception as error:
            how, why = FAILS, first_line(error)
        ways[how] += len(kind.names)
        print(f"{name}: {how}{f' ({why})' if why else ''}, for {len(kind.names)}", flush=True)
    for name, why in failed.items():
        print(f"{name}: cannot be built ({why})")
    for how in (HAND, WALK, WHOLE, FAILS):
        print(f"{how:22} {ways[how]:5} {100 * ways[how] / len(names):5.1f} %")
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
