"""Tests that a plug-in of greendapt passes, for the test suite of the package that has it.

Install the package (``pip install -e .``), subclass a contract under a name that pytest collects,
and name the plug-in as its entry point does::

    from greendapt.testing import CorruptionContract

    class TestFog(CorruptionContract):
        name = "fog"
"""

from greendapt.testing.base import Contract, tiny_suite
from greendapt.testing.corruption_contract import CorruptionContract
from greendapt.testing.energy_contract import EnergySourceContract
from greendapt.testing.executor_contract import ExecutorContract
from greendapt.testing.format_contract import ReportFormatContract
from greendapt.testing.freezing_contract import FreezingContract
from greendapt.testing.objective_contract import ObjectiveContract
from greendapt.testing.score_contract import ScoreContract
from greendapt.testing.stop_rule_contract import StopRuleContract
from greendapt.testing.train_set_contract import TrainSetContract

__all__ = [
    "Contract",
    "CorruptionContract",
    "EnergySourceContract",
    "ExecutorContract",
    "FreezingContract",
    "ObjectiveContract",
    "ReportFormatContract",
    "ScoreContract",
    "StopRuleContract",
    "TrainSetContract",
    "tiny_suite",
]
