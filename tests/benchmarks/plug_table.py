"""How far energy is from a plug meter's, counted as it is and by a line to the wall.

On readings that others published: Fischer, "Ground-Truthing AI Energy Consumption" (2025), code and
data at github.com/raphischer/ai-energy-validation; CodeCarbon ran beside a plug meter there.
Nothing of it is shipped: give the folder ``results`` of a checkout.

    python tests/benchmarks/plug_table.py RESULTS
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from greendapt.accounting.wall import fitted, wall_energy
from greendapt.core.errors import MeterError
from greendapt.core.figures import Figure

SUFFIX = "_image_analysis.csv"
METER_J = 3600.0  # its last digit
ROUNDS = 200


def readings(folder: Path) -> pd.DataFrame:
    """One row a run: what ran, on what, seconds, J by CodeCarbon and J by the plug meter."""
    tables = []
    for shown in sorted(folder.glob(f"*{SUFFIX}")):
        runs = pd.read_csv(shown.with_name(shown.name.replace(SUFFIX, ".csv"))).dropna()
        runs = runs.sort_values("start_time")
        gpu = runs["params.architecture"].str.contains("NVIDIA")
        tables.append(
            pd.DataFrame({
                "work": ["language" if "ollama" in shown.name else "vision"] * len(runs),
                "on": np.where(gpu, "GPU", "CPU"),
                "seconds": runs["metrics.running_time_total"].to_numpy(),
                "counted_j": runs["metrics.power_draw_total"].to_numpy(),
                "wall_j": pd.read_csv(shown)["val_diff"].to_numpy()[1::2] * 3.6e6,
            })
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def by_line(runs: pd.DataFrame, rng: np.random.Generator) -> tuple[list[float], list[bool]]:
    """Errors, and whether the bounds hold, of runs that a line through three others is put to:
    one of the least, of the middle and of the most watts."""
    order = (runs.counted_j / runs.seconds).argsort().to_numpy()
    errors, held = [], []
    for _ in range(ROUNDS):
        taken = [int(rng.choice(part)) for part in np.array_split(order, 3)]
        seen = runs.iloc[taken]
        pairs = zip(seen.counted_j / seen.seconds, seen.wall_j / seen.seconds, strict=True)
        try:
            fit = fitted(list(pairs), ("gpu", "cpu"), False, "then")
        except MeterError:  # readings that do not rise: refused, as doctor --wall does
            continue
        for run in runs.drop(runs.index[taken]).itertuples():
            told = wall_energy(_figures(run.counted_j, run.seconds), fit)
            errors.append(told.value / run.wall_j - 1)
            held.append(told.low - METER_J <= run.wall_j <= told.high + METER_J)
    return errors, held


def _figures(joules: float, seconds: float) -> dict[str, Figure]:
    part = Figure.measured(joules / 2, "J", "counted")
    return {
        "energy_j": Figure.measured(joules, "J", "counted"),
        "wall_s": Figure.measured(seconds, "s", "clock"),
        "energy_cpu_j": part,
        "energy_gpu_j": part,
    }


def table(runs: pd.DataFrame) -> str:
    rng = np.random.default_rng(0)
    lines = [
        "| work | runs | counted against the plug: median | by a line: median error | 95% under | "
        "held |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for (work, on), group in runs.groupby(["work", "on"]):
        counted = (group.counted_j / group.wall_j - 1).median()
        errors, held = by_line(group, rng)
        middle, most = np.quantile(np.abs(errors), [0.5, 0.95])
        lines.append(
            f"| {work} on the {on} | {len(group)} | {counted:+.0%} | {middle:.1%} | {most:.0%} | "
            f"{np.mean(held):.0%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(readings(Path(sys.argv[1]))))
