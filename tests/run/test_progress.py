"""What a person sees while it works: lines in a log, a bar on a terminal of 80 columns."""

import io
import re

import pytest
from rich.console import Console

from greendapt.run import progress
from greendapt.run.progress import PlainReporter, TerminalReporter, reporter

LONG = "head on a-strategy-with-a-very-long-name:of-two-parts, mlp2, all images, seed 0"


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when the test says so."""

    class Clock:
        now = 100.0

        def monotonic(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def stage(shown, clock, label, work, seconds, reason=""):
    shown.start(label, work, reason)
    clock.now += seconds
    shown.advance(1.0)
    shown.finish(seconds)


def test_plain_lines_number_the_stages_and_tell_the_time_left(clock, capsys):
    shown = PlainReporter()
    with shown:
        shown.total(4, 100.0)
        stage(shown, clock, "first", 10.0, 5.0)
        shown.skip("second", 50.0, "reused, done yesterday")
        stage(shown, clock, "third", 20.0, 10.0, "runs, not finished before")
        stage(shown, clock, "last", 20.0, 12.0)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "[1/4] first (5.0 s, about 45 s left)",
        "[2/4] second: reused, done yesterday",
        "[3/4] third: runs, not finished before (10 s, about 10 s left)",
        "[4/4] last (12 s)",
    ]


def test_plain_lines_come_once_a_minute_in_a_long_stage(clock, capsys):
    shown = PlainReporter(every_s=60)
    shown.total(1, 100.0)
    shown.start("long", 100.0, "")
    for percent in range(1, 101):
        clock.now += 3.0
        shown.advance(percent / 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "[1/1] long (20%, about 4 min 00 s left)",
        "[1/1] long (40%, about 3 min 00 s left)",
        "[1/1] long (60%, about 2 min 00 s left)",
        "[1/1] long (80%, about 1 min 00 s left)",
        "[1/1] long (100%)",
    ]


def test_nothing_is_foretold_too_early(clock, capsys):
    shown = PlainReporter()
    shown.total(2, 100.0)
    stage(shown, clock, "first", 1.0, 0.5)
    assert capsys.readouterr().err == "[1/2] first (0.5 s)\n"


@pytest.fixture
def terminal():
    def make(explain):
        console = Console(file=io.StringIO(), force_terminal=True, width=80, highlight=False)
        return TerminalReporter(console, explain), console.file

    return make


def seen(file):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())


def test_the_bar_fits_80_columns_whatever_the_label(terminal, clock):
    shown, file = terminal(explain=False)
    with shown:
        shown.total(120, 1e6)
        stage(shown, clock, LONG, 10.0, 5000.0)
        shown.start(LONG, 10.0, "")
        shown._progress.refresh()
    frames = re.split(r"[\r\n]+", seen(file))
    assert max(map(len, frames)) <= 80
    last = next(frame for frame in reversed(frames) if frame.strip())
    assert re.match(r"2/120 ━+ +0% \d+ h \d\d min left head on a-.*…", last)


def test_on_a_terminal_reasons_are_told_when_resumed(clock, terminal):
    for explain in (False, True):
        shown, file = terminal(explain)
        with shown:
            shown.total(2, 20.0)
            shown.skip("first", 10.0, "reused, done yesterday")
            stage(shown, clock, "second", 10.0, 5.0, "runs, not finished before")
            shown.say("failed: [second]")
        text = seen(file)
        assert ("first: reused, done yesterday" in text) == explain
        assert ("second: runs, not finished before" in text) == explain
        assert "failed: [second]" in text


def test_time_left_leaves_out_what_is_reused(terminal, clock):
    shown, _ = terminal(explain=False)
    with shown:
        shown.total(3, 300.0)
        shown.skip("first", 100.0, "reused")
        stage(shown, clock, "second", 100.0, 50.0)
        assert shown.left_s() == pytest.approx(50.0)
        shown.start("third", 100.0, "")
        clock.now += 25.0
        shown.advance(0.5)
        assert shown.left_s() == pytest.approx(25.0)


def test_elsewhere_than_on_a_terminal_lines_are_plain(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert isinstance(reporter(explain=True), PlainReporter)


def test_a_later_round_is_counted_anew(capsys):
    shown = PlainReporter()
    for stages in (2, 1):
        shown.total(stages, 10.0)
        for _ in range(stages):
            shown.start("a stage", 5.0, "")
            shown.finish(0.1)
    counts = [line.split()[0] for line in capsys.readouterr().err.splitlines()]
    assert counts == ["[1/2]", "[2/2]", "[1/1]"]
