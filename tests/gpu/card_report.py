"""Everything that only a card can show, in under four minutes: one JSON and one Markdown table.

    python tests/gpu/card_report.py [--out FOLDER] [--budget 230]

Without a card it says what it skipped, and ends well. Exit status 1: a check failed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import energy_checks
import run_checks
import speed_checks
import torch
from checks import Bench, Check, Outcome, as_markdown, cards_of, run

CHECKS = (
    Check("window overhead", energy_checks.windows, 5, cards=0),
    Check("counter refresh", energy_checks.refresh, 5),
    Check("bench, smoke profile", run_checks.smoke, 20),
    Check("step against timm's", speed_checks.steps, 20),
    Check("stored prefix", speed_checks.prefixes, 10),
    Check("peak memory", speed_checks.memory, 10),
    Check("input pipeline", speed_checks.pipeline, 15),
    Check("counter against sampled power", energy_checks.counter_against_power, 66),
    Check("two ranks by NCCL", run_checks.two_ranks, 30, cards=2),
    Check("torch.compile with CUDA graphs", speed_checks.compiled, 30),
    Check("bench, default profile", run_checks.default, 20),
)
"""In this order: what is dear comes last, and gets what is left of the budget."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("card-report"))
    parser.add_argument("--budget", type=float, default=230.0, help="seconds for all checks")
    given = parser.parse_args(arguments)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GREENDAPT_CACHE"] = str(Path(folder) / "cache")  # nothing kept from before
        bench = Bench(device, Path(folder), time.monotonic() + given.budget)
        outcomes = run(CHECKS, bench)
    write(given.out, device, outcomes)
    print((given.out / "card.md").read_text(encoding="utf-8"))
    return int(any(one.status == "failed" for one in outcomes))


def write(out: Path, device: str, outcomes: Sequence[Outcome]) -> None:
    """``card.json`` and ``card.md``."""
    card = torch.cuda.get_device_name() if device == "cuda" else "no card"
    software = {name: version(name) for name in ("torch", "torchvision", "timm", "greendapt")}
    table = {
        "card": card,
        "cards": cards_of(device),
        "software": software | {"cuda": torch.version.cuda, "hip": torch.version.hip},
        "checks": [one.as_table() for one in outcomes],
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "card.json").write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    (out / "card.md").write_text(as_markdown(card, outcomes), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
