"""The package passes greendapt's contracts, as its own test suite would ask."""

from greendapt.testing import CorruptionContract


class TestVeil(CorruptionContract):
    name = "veil"
