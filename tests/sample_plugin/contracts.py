"""The package passes greendapt's contracts, as its own test suite would ask."""

from greendapt.testing import CorruptionContract, ReportFormatContract, TrainSetContract


class TestVeil(CorruptionContract):
    name = "veil"


class TestWords(ReportFormatContract):
    name = "words"


class TestFirst(TrainSetContract):
    name = "first"
    argument = "3"
    wrong = "three"
