"""What docs/ci.md offers for copying is valid, and asks only for what exists."""

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from greendapt.cli.app import app
from greendapt.pytest_plugin import pytest_addoption

DOCS = Path(__file__).parents[2] / "docs"
JOBS = ("ci/github.yml", "ci/gitlab.yml")
PROGRAM = typer.main.get_command(app)


def read(name):
    return (DOCS / name).read_text(encoding="utf-8")


def scripts(value):
    """Every ``run`` or ``script`` in a job file, as lines of shell."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ([part] if key == "run" else part if key == "script" else scripts(part))
    elif isinstance(value, list):
        for part in value:
            yield from scripts(part)


def commands(lines):
    """The words of each greendapt command in lines of shell."""
    words = [shlex.split(line, comments=True) for line in lines]
    return [one[1:] for one in words if one[:1] == ["greendapt"]]


def assert_exists(words):
    name, *rest = words
    known = {option for one in PROGRAM.commands[name].params for option in one.opts}
    assert {word for word in rest if word.startswith("--") and " " not in word} <= known


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_short_and_asks_for_what_exists(name):
    text = read(name)
    assert len(text.splitlines()) < 25
    found = commands(scripts(yaml.safe_load(text)))
    assert [words[0] for words in found] == ["bench", "check"]
    for words in [*found, *commands(re.findall(r"(greendapt baseline .*)", text))]:
        assert_exists(words)
    assert "--junit" in found[1]
    assert "--markdown" in found[1]


def test_the_github_job_can_be_called_by_others():
    triggers = yaml.safe_load(read(JOBS[0]))[True]  # YAML 1.1 reads "on" as true
    assert set(triggers) == {"pull_request", "workflow_call"}


def test_the_guide_asks_for_what_exists():
    blocks = re.findall(r"```sh\n(.*?)```", read("ci.md"), flags=re.DOTALL)
    found = commands(line for block in blocks for line in block.splitlines())
    assert len(found) == 4
    for words in found:
        assert_exists(words)


def test_the_guide_names_the_options_of_the_plug_in():
    parser = pytest.Parser(_ispytest=True)
    pytest_addoption(parser)
    (group,) = [group for group in parser._groups if group.name == "carbon"]
    options = {name for option in group.options for name in option.names()}
    assert set(re.findall(r"--carbon-\w+", read("ci.md"))) == options


def test_the_guide_has_every_exit_code():
    from greendapt.gate.outcomes import Outcome

    rows = dict(re.findall(r"^\| (\w+) \| (\d) \|", read("ci.md"), flags=re.MULTILINE))
    assert rows == {outcome.value: str(outcome.exit_code) for outcome in Outcome}
