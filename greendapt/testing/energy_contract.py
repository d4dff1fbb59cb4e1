"""What an energy source has to be: see `greendapt.meter.sources.base`."""

from __future__ import annotations

import os
import time

from greendapt.core.figures import Quality
from greendapt.meter.sources import ENERGY_SOURCES
from greendapt.meter.sources.base import Opened, Request
from greendapt.testing.base import Contract

_WINDOW_S = 0.05


class EnergySourceContract(Contract):
    """Of a `greendapt.meter.sources.base.EnergySource`, on the machine that runs the test."""

    registry = ENERGY_SOURCES

    def test_meters_are_of_the_parts_it_says(self) -> None:
        opened = self._opened()
        parts = self.registry.get(self.name).parts
        keys = [(meter.part, meter.key) for meter in opened.meters]
        assert len(set(keys)) == len(keys), f"a device is counted twice: {keys}"
        for meter in opened.meters:
            assert meter.part in parts, f"a meter of '{meter.part}', which is none of {parts}"
        missing = {*parts} - {part for part, _ in keys}
        assert not missing - opened.why.keys(), f"no meter of {missing}, and 'why' says nothing"
        self._close(opened)

    def test_a_window_has_a_figure_in_joules(self) -> None:
        opened = self._opened()
        for meter in opened.meters:
            meter.begin()
            since, start = time.monotonic(), meter.read()
            time.sleep(_WINDOW_S)
            until, end = time.monotonic(), meter.read()
            figure = meter.figure(start, end, (since, until))
            assert figure.unit == "J", f"energy in {figure.unit}"
            if figure.value is None:
                assert figure.quality is Quality.UNAVAILABLE
                assert figure.source, "an unavailable figure has to say why"
            else:
                assert figure.value >= 0, f"{figure.value} J"
        self._close(opened)

    def test_facts_and_state_say_no_more_than_they_know(self) -> None:
        opened = self._opened()
        for meter in opened.meters:
            assert meter.facts().name == meter.name
            assert all(isinstance(trouble, str) for trouble in meter.state().troubles)
        self._close(opened)

    def _opened(self) -> Opened:
        source = self.registry.get(self.name)
        opened: Opened = source.open(
            Request(parts=source.parts, environ=os.environ, pick=lambda seen: range(seen))
        )
        return opened

    def _close(self, opened: Opened) -> None:
        """Twice: the second time there is nothing left to do."""
        for meter in (*opened.meters, *opened.meters):
            meter.close()
        if opened.release is not None:
            opened.release()
