"""The package passes greendapt's contracts, as its own test suite would ask."""

from greendapt import testing


class TestVeil(testing.CorruptionContract):
    name = "veil"


class TestTwoWatts(testing.EnergySourceContract):
    name = "two_watts"


class TestOneProcess(testing.ExecutorContract):
    name = "one_process"


class TestTurns(testing.ObjectiveContract):
    name = "turns"
    settings = {"hidden": 8}  # noqa: RUF012


class TestWords(testing.ReportFormatContract):
    name = "words"


class TestSpread(testing.ScoreContract):
    name = "spread"


class TestLooks(testing.StopRuleContract):
    name = "looks"
    settings = {"most": 2, "every": 1}  # noqa: RUF012


class TestHalfway(testing.FreezingContract):
    name = "halfway"


class TestEarly(testing.TrainSetContract):
    name = "early"
    argument = "3"
    wrong = "three"
