"""What is asked for first: help, the version, and what is wrong."""

import re

import pytest

from greendapt import __version__
from greendapt.cli.app import app

COMMANDS = sorted(command.name or command.callback.__name__ for command in app.registered_commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_says_in_words_what_it_takes(greendapt, command):
    told = greendapt(command, "--help")
    assert told.code == 0
    assert re.findall(r"--[a-z-]+ <[a-z ]+>", told.out) == []
    assert max(map(len, told.out.splitlines())) <= 80
    if command != "measure":  # which hands a -h on to the command that it measures
        assert greendapt(command, "-h").out == told.out


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
