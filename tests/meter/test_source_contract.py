"""What every energy source has to be, here, where most of them find nothing and say so."""

import pytest

from greendapt.meter import sources
from greendapt.testing.energy_contract import EnergySourceContract


@pytest.fixture(params=list(sources.ENERGY_SOURCES.builtin))
def contract(request):
    made = EnergySourceContract()
    made.name = request.param
    return made


@pytest.mark.parametrize(
    "check", [name for name in dir(EnergySourceContract) if name.startswith("test_")]
)
def test_contract(contract, check):
    getattr(contract, check)()
