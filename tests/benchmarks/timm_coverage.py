"""Which of timm's architectures greendapt can take: python tests/benchmarks/timm_coverage.py

Each of ``timm.list_models()`` (or every N-th, by timm's module and name: ``--step N``) is built on
the meta device for its own image size, and ``none``, ``full`` and ``last:1`` run through it. No
values are computed: that units give timm's own features, tests/models checks on real ones.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import timm
import torch
from torch import Tensor

from greendapt.models.backbone import Backbone, create_backbone
from greendapt.models.walk import Walk

HAND, WALK, WHOLE, FAILS = "by a table of layers", "by a walk", "as a whole only", "not at all"


def architectures() -> list[str]:
    """Those of one module of timm's beside each other, so that a step takes from each its share."""
    module = {name: timm.model_entrypoint(name).__module__ for name in timm.list_models()}
    return sorted(module, key=lambda name: (module[name], name))


def way(name: str) -> tuple[str, int]:
    """How an architecture runs and its number of units; raises what it raises."""
    size = timm.get_pretrained_cfg_value(name, "input_size")
    image_size = int(size[-1]) if size else 224
    with torch.device("meta"):
        backbone = create_backbone(name, image_size=image_size).eval()
    images = torch.empty((2, 3, image_size, image_size), device="meta")
    last = len(backbone.units) - 1
    train_unit(backbone, last)
    before = backbone.prefix(images, last) if last else images
    behind = features(backbone.run(before, last))
    if before.requires_grad or not behind.requires_grad:
        raise AssertionError("last:1 trains other weights than those of its block")
    walked = isinstance(backbone.family, Walk)
    return (WALK if last else WHOLE) if walked else HAND, last + 1


def train_unit(backbone: Backbone, unit: int) -> None:
    for path, parameter in backbone.net.named_parameters():
        parameter.requires_grad_(backbone.unit_of(path) == unit)


def features(x: Tensor) -> Tensor:
    if x.ndim != 2 or len(x) != 2:
        raise AssertionError(f"features of shape {tuple(x.shape)}")
    return x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--step", type=int, default=1, help="Take every N-th architecture.")
    parser.add_argument("names", nargs="*", help="Architectures (default: all).")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    names = chosen.names or architectures()[:: chosen.step]
    ways: Counter[str] = Counter()
    begun = time.process_time()
    for name in names:
        try:
            how, units = way(name)
            note = f"{units} units"
        except Exception as error:
            how, note = FAILS, (str(error) or type(error).__name__).splitlines()[0]
        ways[how] += 1
        print(f"{name}: {how} ({note})", flush=True)
    for how in (HAND, WALK, WHOLE, FAILS):
        print(f"{how:22} {ways[how]:5} {100 * ways[how] / len(names):5.1f} %")
    print(f"{len(names)} architectures, timm {timm.__version__}", end=", ")
    print(f"{time.process_time() - begun:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
