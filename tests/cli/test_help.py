"""What is asked for first: help, the version, and what is wrong."""

import re

import pytest

from greendapt import __version__
from greendapt.cli.app import app
from greendapt.cli.panels import PANELS

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_in_words_what_it_takes(greendapt, command):
    told = greendapt(command, "--help")
    assert told.code == 0
    assert re.findall(r"--[a-z-]+ <[a-z ]+>", told.out) == []
    assert max(map(len, told.out.splitlines())) <= 80
    if command != "measure":  # which hands a -h on to the command that it measures
        assert greendapt(command, "-h").out == told.out


def test_many_options_stand_in_panels_and_each_once(greendapt):
    told = greendapt("bench", "--help").out
    panels = re.findall(r"^(\w[\w ]+):$", told, flags=re.MULTILINE)
    assert panels == [*list(PANELS), "Results and help"]
    options = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", told, flags=re.MULTILINE)
    assert len(options) == len(set(options)) > 30
    assert "\nOptions:\n" in greendapt("resume", "--help").out


@pytest.mark.parametrize(
    ("option", "said"), [("--dry-run", "greendapt plan, with the same"), ("--resume", "resume RUN")]
)
def test_what_others_call_it_is_pointed_to(greendapt, option, said):
    done = greendapt("bench", option)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"No such option: {option}" in done.err
    assert said in done.err


def test_more_seeds_than_anybody_runs_are_refused(greendapt):
    assert "1000" in greendapt("bench", "--seeds", "1001").err


def test_the_version_in_short(greendapt):
    assert greendapt("-V").out == greendapt("--version").out == f"greendapt {__version__}\n"


def test_short_options_are_the_long_ones(greendapt, tiny, tmp_path, only_run):
    asked = ("-s", tiny, "-n", "1", "-o", tmp_path / "runs", "-p", "default")
    done = greendapt("bench", *asked, "--strategies", "none")
    assert done.code == 0, done.err
    assert only_run(tmp_path / "runs")


def test_a_rank_that_something_left_behind_silences_nothing(greendapt, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert "there is no suite 'nope'" in greendapt("bench", "--suite", "nope").err
