"""The pytest plug-in: what a function costs, beside pytest-benchmark's times, and under a gate.

Loaded with every pytest of an environment that has greendapt: torch, the meters and the gate are
imported where an option or the fixture asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from greendapt.pytest_plugin.plugin_session import Session

_BENCHMARK = "pytest-benchmark: pip install pytest-benchmark, and leave out -p no:benchmark"
_REPORTED = "greendapt_costs"
_REPORT = pytest.StashKey[dict[str, Any]]()


class CarbonWarning(pytest.PytestWarning):
    """A cost could not be judged: inconclusive, void, or new."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("carbon", "energy, FLOPs and memory of benchmarks (greendapt)")
    group.addoption(
        "--carbon-baseline",
        metavar="FILE",
        help="Fail tests of carbon_benchmark that cost more than FILE says.",
    )
    group.addoption(
        "--carbon-save",
        metavar="FILE",
        help="Write what the tests that pass cost to FILE; other tests in it stay as they are.",
    )
    group.addoption(
        "--carbon-limit",
        action="append",
        default=[],
        metavar="[TEST/]FIGURE=VALUE",
        help="What may rise: flops=0%%, energy=10%%, time=10%%, memory=10%% (repeatable).",
    )
    group.addoption(
        "--carbon-tiers",
        metavar="TIERS",
        help="Judge only these: exact (FLOPs), noisy (time, energy, memory). Default: both.",
    )
    group.addoption(
        "--carbon-device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="Where the functions run; auto: cuda where torch sees a GPU.",
    )


def pytest_configure(config: pytest.Config) -> None:
    options = [
        config.getoption(f"carbon_{name}") for name in ("baseline", "save", "limit", "tiers")
    ]
    plugin = _Plugin(config) if config.pluginmanager.hasplugin("benchmark") else _Without()
    if any(options) or config.getoption("carbon_device") != "auto":
        plugin.begin()
    config.pluginmanager.register(plugin, "greendapt-carbon")


class _Without:
    """Where pytest-benchmark is absent, or off."""

    def begin(self) -> None:
        raise pytest.UsageError(f"the options --carbon-... need {_BENCHMARK}")

    @pytest.fixture
    def carbon_benchmark(self) -> None:
        """Needs pytest-benchmark."""
        pytest.fail(f"the fixture carbon_benchmark needs {_BENCHMARK}", pytrace=False)


class _Plugin:
    """``session`` is made when it is needed first."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._session: Session | None = None
        self._reports: list[dict[str, Any]] = []

    def begin(self) -> Session:
        """Raises UsageError where options or files cannot be used."""
        from greendapt.core.errors import GreendaptError
        from greendapt.pytest_plugin.plugin_session import Session

        if self._session is None:
            option = self._config.getoption
            try:
                self._session = Session(
                    baseline=option("carbon_baseline"),
                    save=option("carbon_save"),
                    limits=option("carbon_limit"),
                    tiers=option("carbon_tiers"),
                    device=option("carbon_device"),
                )
            except GreendaptError as error:
                raise pytest.UsageError(str(error)) from error
        return self._session

    @pytest.fixture
    def carbon_benchmark(
        self, benchmark: BenchmarkFixture, request: pytest.FixtureRequest
    ) -> Callable[..., Any]:
        """``carbon_benchmark(function, *args, **kwargs)``: its result, as of ``benchmark``.

        Times, energy, FLOPs and peak memory of a call are in ``benchmark.extra_info``.
        """
        node, session = request.node, self.begin()

        def run(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            result, report = session.run(node.nodeid, benchmark, partial(function, *args, **kwargs))
            node.stash[_REPORT] = report.plain()
            if report.failed:
                pytest.fail("\n".join(report.messages), pytrace=False)
            for message in report.messages:
                node.warn(CarbonWarning(message))
            return result

        return run

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if call.when == "call" and _REPORT in item.stash:
            vars(report)[_REPORTED] = item.stash[_REPORT]  # xdist takes it to the main process
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        costs = vars(report).get(_REPORTED)
        if costs is not None:
            self._reports.append({**costs, "passed": report.passed})

    def pytest_sessionfinish(self) -> None:
        if self._session is None:
            return
        from greendapt.core.errors import GreendaptError

        self._session.close()
        if hasattr(self._config, "workerinput"):
            return
        try:
            self._session.write([one for one in self._reports if one["passed"]])
        except GreendaptError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self._reports:
            return
        terminalreporter.write_sep("-", "carbon: a call costs")
        for one in self._reports:
            terminalreporter.write_line(one["line"])
        if self._session is not None and self._session.saved:
            terminalreporter.write_line(self._session.saved)
