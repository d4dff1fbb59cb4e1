"""What docs/ci.md offers for copying is valid, and asks only for what exists."""

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from greendapt.cli.app import app
from greendapt.pytest_plugin import pytest_addoption

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
JOBS = ("ci/github.yml", "ci/gitlab.yml")
PROGRAM = typer.main.get_command(app)


def read(name):
    return (DOCS / name).read_text(encoding="utf-8")


def assert_exists(words):
    name, *rest = words
    known = {option for one in PROGRAM.commands[name].params for option in one.opts}
    assert {word for word in rest if word.startswith("--") and " " not in word} <= known


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_at_most_15_lines(name):
    text = read(name)
    yaml.safe_load(text)
    assert len(text.splitlines()) <= 15


def test_the_github_job_gives_the_action_what_it_takes():
    job = yaml.safe_load(read("ci/github.yml"))["jobs"]["cost"]
    asked = next(step["with"] for step in job["steps"] if "greendapt" in step["uses"])
    assert asked.keys() <= ACTION["inputs"].keys()


def test_the_job_of_reports_asks_for_what_exists():
    jobs = yaml.safe_load(read("ci/reports.yml"))["jobs"]
    lines = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    words = [shlex.split(line, comments=True) for line in lines]
    asked = [one[1:] for one in words if one[:1] == ["greendapt"]]
    assert [words[0] for words in asked] == ["publish", "reproduce"]
    for words in asked:
        assert_exists(words)
        assert all((ROOT / word).exists() for word in words if word.startswith("reports"))


def test_the_gitlab_job_extends_what_it_includes_and_asks_for_what_exists():
    job = yaml.safe_load(read("ci/gitlab.yml"))["cost"]
    gate = yaml.safe_load(read("ci/gitlab-gate.yml"))
    assert job["extends"] in gate
    script = (ROOT / "greendapt/gate/gate.sh").read_text(encoding="utf-8")
    told = "\n".join(gate[".greendapt"]["after_script"])
    for variable in job["variables"]:
        assert f"${variable}" in script or f"${{{variable}" in script
    for line in re.findall(r"(greendapt (?:bench|check|comment) [^|;&\n]*)", script + told):
        words = [word for word in line.split()[1:] if word.startswith("--") or word.isalpha()]
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
