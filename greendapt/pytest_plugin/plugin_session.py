"""One session of pytest: its baseline, its meter, and what its tests were found to cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from greendapt.core.errors import GreendaptError
from greendapt.core.meter_facts import MeterFacts
from greendapt.gate import tiers_of
from greendapt.gate.change_text import amount
from greendapt.gate.check import check
from greendapt.gate.facts import Cell, machine_of, of_baseline
from greendapt.gate.outcomes import Outcome
from greendapt.gate.outputs import Findings
from greendapt.store.baselines import Baseline, CellBaseline, Machine, read_baseline, write_baseline
from greendapt.suite.limits import Tier, from_options

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from greendapt.meter import Meter
    from greendapt.pytest_plugin.call_costs import Costs

SUITE = "pytest"
"""What a baseline of tests has for the name of its suite; a test is a cell, by its node id."""


@dataclass(frozen=True)
class CallReport:
    """A test's costs, and ``messages`` about them. ``line``: for the terminal."""

    cell: CellBaseline
    machine_key: str
    machine: Machine
    line: str
    failed: bool
    messages: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """As xdist can send it."""
        return {
            "cell": self.cell.model_dump(mode="json"),
            "machines": {self.machine_key: self.machine.model_dump(mode="json")},
            "line": self.line,
        }


class Session:
    """Raises GreendaptError for options or files that cannot be used."""

    def __init__(
        self,
        *,
        baseline: str | None,
        save: str | None,
        limits: Iterable[str],
        tiers: str | None,
        device: str,
    ) -> None:
        self._limits = from_options(limits, "--carbon-limit")
        self._tiers = tiers_of(tiers, "--carbon-tiers")
        self._path = None if baseline is None else Path(baseline)
        self._baseline = None if self._path is None else _of_tests(self._path, "--carbon-baseline")
        self._save = None if save is None else Path(save)
        if self._save is not None and not self._save.parent.is_dir():
            raise GreendaptError(f"--carbon-save {save}: there is no folder {self._save.parent}")
        if self._save is not None and self._save.exists():
            _of_tests(self._save, "--carbon-save")  # told before the tests run, not after them
        self._wanted_device = device
        if device == "cuda" and not _sees_gpu():
            raise GreendaptError("--carbon-device cuda: torch sees no GPU here")
        self._meter: Meter | None = None
        self.saved = ""

    def run(
        self, name: str, benchmark: BenchmarkFixture, call: Callable[[], Any]
    ) -> tuple[Any, CallReport]:
        """The call's result, and its costs judged; they go into ``benchmark.extra_info`` too."""
        from greendapt.pytest_plugin import call_costs

        device = self._device()
        flops = call_costs.counted(call)
        result = call_costs.timed(benchmark, call, device)
        costs = call_costs.Costs({}, {})
        rounds_s: Sequence[float] = benchmark.stats.stats.data if benchmark.stats else ()
        if rounds_s:
            costs = call_costs.metered(call, rounds_s, self._opened(device))
        costs = replace(costs, figures={"training_flops": flops, **costs.figures})
        benchmark.extra_info.update(costs.extra_info())
        return result, self._judged(name, costs, device)

    def _device(self) -> str:
        if self._wanted_device != "auto":
            return self._wanted_device
        return "cuda" if _sees_gpu() else "cpu"

    def _opened(self, device: str) -> Meter:
        from greendapt.meter import Meter

        self._meter = self._meter or Meter(device=device, align=True)
        return self._meter

    def _machine(self, device: str) -> tuple[str, Machine]:
        import torch

        from greendapt.run.environment import environment

        facts = self._meter.facts() if self._meter else MeterFacts()
        return machine_of(dict(environment(torch.device(device))), facts)

    def _judged(self, name: str, costs: Costs, device: str) -> CallReport:
        key, machine = self._machine(device)
        flops = costs.figures["training_flops"].value
        exact = {} if flops is None else {"training_flops": int(flops)}
        cell = CellBaseline(
            name=(name,),
            seeds=(0,),
            exact=dict(exact),
            noisy={key: dict(costs.noisy)} if costs.noisy else {},
        )
        line = f"{name}: {_words(costs)}"
        if self._path is None or self._baseline is None:
            return CallReport(cell, key, machine, line, failed=False, messages=())
        outcome, messages = self._verdict(cell, key, machine, self._path, self._baseline)
        failed = outcome is Outcome.REGRESSION
        line = f"{line}; {outcome or 'not judged'}"
        return CallReport(cell, key, machine, line, failed, messages)

    def _verdict(
        self, cell: CellBaseline, key: str, machine: Machine, path: Path, baseline: Baseline
    ) -> tuple[Outcome | None, tuple[str, ...]]:
        """No outcome where there was nothing to judge."""
        base = of_baseline(path, baseline, key)
        if cell.name not in base.cells:
            return None, (f"{cell.name[0]} is not in {path}: nothing is judged",)
        exact = {
            figure: {0: count} for figure, count in cell.exact.items() if isinstance(count, int)
        }
        own = Cell(exact=exact, noisy=cell.noisy.get(key, {}))
        head = replace(base, machine_key=key, machines={key: machine}, cells={cell.name: own})
        base = replace(base, cells={cell.name: base.cells[cell.name]})
        tiers = self._tiers if own.noisy else self._tiers - {Tier.NOISY}
        findings = Findings(str(path), "these tests", tuple(check(base, head, self._limits, tiers)))
        bad = [line for outcome, line in findings.lines() if outcome is not Outcome.PASS]
        return findings.outcome if findings.verdicts else None, tuple(bad)

    def write(self, reports: Sequence[Mapping[str, Any]]) -> None:
        """What tests were found to cost, laid over the file that is to be saved."""
        cells = [CellBaseline.model_validate(one["cell"]) for one in reports]
        if self._save is None or not cells:
            return
        machines = {
            key: Machine.model_validate(machine)
            for one in reports
            for key, machine in one["machines"].items()
        }
        kept = _of_tests(self._save, "--carbon-save") if self._save.exists() else None
        write_baseline(self._save, _laid_over(kept, cells, machines))
        self.saved = f"saved to {self._save}: {len(cells)} test{'s' * (len(cells) > 1)}"

    def close(self) -> None:
        if self._meter is not None:
            self._meter.close()
            self._meter = None


def _sees_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _of_tests(path: Path, option: str) -> Baseline:
    if not path.exists():
        raise GreendaptError(f"{option} {path}: there is no such file; --carbon-save writes it")
    baseline = read_baseline(path)
    if baseline.suite != SUITE:
        raise GreendaptError(f"{option} {path}: is of suite {baseline.suite}, not of tests")
    return baseline


def _laid_over(
    kept: Baseline | None, cells: Iterable[CellBaseline], machines: Mapping[str, Machine]
) -> Baseline:
    """Other tests stay; so do figures of other machines, where the exact costs are the same."""
    by_name = {cell.name: cell for cell in kept.cells} if kept else {}
    for cell in cells:
        old = by_name.get(cell.name)
        same = old is not None and old.exact == cell.exact
        noisy = {**(old.noisy if old and same else {}), **cell.noisy}
        by_name[cell.name] = cell.model_copy(update={"noisy": noisy})
    used = {key for cell in by_name.values() for key in cell.noisy}
    every = {**(kept.machines if kept else {}), **machines}
    return Baseline(
        schema=Baseline.model_fields["schema_version"].default,
        suite=SUITE,
        profile="",
        data="",
        machines={key: machine for key, machine in every.items() if key in used},
        cells=tuple(by_name[name] for name in sorted(by_name)),
    )


def _words(costs: Costs) -> str:
    """``1.2 ms, 0.03 J (estimated), 210 MB, 1.2 GFLOP``."""
    parts = []
    if "wall_s" in costs.noisy:
        parts.append(amount("wall_s", costs.noisy["wall_s"].mean))
    else:
        parts.append("time, energy and memory not measured (benchmarks are disabled)")
    for name, figure in costs.figures.items():
        if figure.value is not None:
            rough = f" ({figure.quality.value})" if name == "energy_j" else ""
            parts.append(amount(name, figure.value) + rough)
    return ", ".join(parts)
