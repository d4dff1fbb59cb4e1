"""Every command that README.md, CONTRIBUTING.md, docs/ and the heads of suites tell is run here.

A command that would train is read up to the suite that it asks for; one that needs what a test
machine has not stands in `ELSEWHERE` with the reason.
"""

import re
import shlex
import shutil
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from greendapt.cli.app import app
from greendapt.cli.bench import suite_of
from greendapt.cli.plan import _BENCH_DEVICES as DEVICES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SUITES = sorted((ROOT / "suites").glob("*.toml"))
PROGRAM = typer.main.get_command(app)
ANSWERS = {"check": {0, 3}}
"""Exit codes beside 0: a busy machine and few seeds leave the noisy tiers inconclusive."""
TRAINING = ("bench", "plan", "recommend")  # with a suite: read, not run

ELSEWHERE = {
    "python -m pip install": "changes this very environment",
    "pip install": "changes this very environment",
    "tox": "runs these tests",
    "git config": "tests/store/test_baseline_merge.py merges with it",
    "echo": "what it writes stands in the same test",
    "torchrun": "tests/cli/test_torchrun.py starts several processes",
    "greendapt check --against": "tests/cli/test_check_against.py has a repository for it",
    "greendapt export runs/chestxray-20261126-101500 --to": "tests/report/test_trackers.py does it",
    "greendapt score --weights epoch50": "tests/cli/test_score_command.py has weights for it",
    "greendapt replay trajectories.csv": "tests/cli/test_replay_command.py has tables for it",
    "greendapt replay runs/": "tests/cli/test_keep_checkpoints.py keeps checkpoints for it",
    "greendapt plan runs/": "tests/cli/test_plan_command.py plans before it runs",
    "greendapt reproduce reports/": "tests/cli/test_reproduce_command.py repeats a smaller one",
    "greendapt resume": "tests/cli/test_budget.py goes on with runs under a budget",
}


def commands(text):
    """The commands of fenced shell blocks; in a block of console, lines behind a ``$``."""
    for kind, block in re.findall(r"```(sh|console)\n(.*?)```", text, flags=re.DOTALL):
        lines = block.replace("\\\n", " ").splitlines()
        told = [line[2:] for line in lines if line.startswith("$ ")] if kind == "console" else lines
        yield from split(told)


def split(lines):
    """Commands as lists of words, without comments, at each ``&&``."""
    for line in lines:
        words = shlex.split(line, comments=True)
        while "&&" in words:
            end = words.index("&&")
            yield words[:end]
            words = words[end + 1 :]
        if words:
            yield words


def elsewhere(words):
    told = " ".join(words)
    return next((why for start, why in ELSEWHERE.items() if told.startswith(start)), None)


def parsed(words):
    """The context of a command; click's error where it takes no such option or value."""
    name, *rest = words
    group = PROGRAM.commands[name]
    if hasattr(group, "commands"):
        name, group, rest = rest[0], group.commands[rest[0]], rest[1:]
    return group.make_context(name, list(rest))


@pytest.fixture(scope="module")
def place(in_process, tiny, tmp_path_factory):
    """A folder with all that the pages name: images, tables, weights, suites and a run."""
    root = tmp_path_factory.mktemp("documented")
    folder(root / "xrays", "diagnosis", 20)
    folder(root / "other_hospital", "diagnosis", 16, first=100)
    pixels = np.random.default_rng(0).integers(0, 255, (24, 28, 28), np.uint8)
    labels = np.arange(24)[:, None] % 2
    parts = {"train": slice(0, 12), "val": slice(12, 18), "test": slice(18, 24)}
    arrays = {f"{part}_images": pixels[of] for part, of in parts.items()}
    arrays |= {f"{part}_labels": labels[of] for part, of in parts.items()}
    np.savez(root / "pneumoniamnist.npz", **arrays)
    for name in ("mine", "unlabelled"):
        shutil.copy(ROOT / "suites" / "chestxray.toml", root / f"{name}.toml")
    for kept in ("tests/replay", "tests/benchmarks/evidence"):
        shutil.copytree(ROOT / kept, root / kept)
    suite = root / "tiny.toml"  # with a strategy of the name that the pages have
    text = tiny.read_text(encoding="utf-8").replace("seeds = 1", "seeds = 2")
    text = text.replace('"partial"', '"partial:last2"')
    suite.write_text(text.replace(".partial]", '."partial:last2"]'), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        done = in_process("bench", "--suite", suite, "--name", "chestxray-20261120-1000")
        assert done.code == 0, done.err
    for name in ("chestxray-20261126-101500", "mine-20261127-090000"):
        shutil.copytree(root / "runs" / "chestxray-20261120-1000", root / "runs" / name)
    return root


def folder(path, column, count, first=0):
    """Images of two classes in a folder, with labels.csv; ``first``: their number."""
    path.mkdir()
    lines = [f"image,{column},split,patient_id"]
    for number in range(first, first + count):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40), np.uint8)
        Image.fromarray(pixels).save(path / f"{number}.png")
        lines.append(f"{number}.png,{('normal', 'ill')[number % 2]},train,p{number}")
    (path / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_runs(in_process, place, monkeypatch, page):
    monkeypatch.chdir(place)
    for words in commands(page.read_text(encoding="utf-8")):
        if elsewhere(words):
            if words[0] == "greendapt":
                parsed(words[1:])
            continue
        assert words[0] == "greendapt", f"{page.name}: {shlex.join(words)} is run nowhere"
        run(in_process, words[1:])


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.stem)
def test_every_command_of_a_suites_head_runs(in_process, place, monkeypatch, suite):
    monkeypatch.chdir(place)
    lines = re.findall(r"^# *(greendapt .*)", suite.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert lines
    for words in split(lines):
        if not elsewhere(words):
            run(in_process, words[1:])


def run(in_process, words):
    context = parsed(words)
    if words[0] in TRAINING and not (context.params.get("run") or context.params.get("replay")):
        of_a_sheet = words[0] == "plan" and context.params["device"] not in DEVICES
        given = {**context.params, **({"device": None} if of_a_sheet else {})}
        assert suite_of(given).run.strategies
        return
    named = [sorted(Path().glob(word)) if "*" in word else [word] for word in words]
    done = in_process(*chain.from_iterable(named))
    right = ANSWERS.get(words[0], {0})
    assert done.code in right, f"greendapt {shlex.join(words)}\n{done.out}{done.err}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_within_a_sentence_is_there(page):
    text = page.read_text(encoding="utf-8")
    for told in re.findall(r"`(?:\w+ -m )?greendapt ([a-z][^`]*)`", text):
        name, *rest = told.replace("[", "").replace("]", "").split()
        command = PROGRAM.commands[name]
        if hasattr(command, "commands") and rest:
            command = command.commands[rest[0]]
        known = {option for one in command.params for option in one.opts + one.secondary_opts}
        asked = rest[: rest.index("--")] if "--" in rest else rest
        assert {word for word in asked if word.startswith("-")} <= known, told


def test_nothing_is_excused_that_no_page_tells():
    told = [" ".join(words) for page in PAGES for words in commands(page.read_text("utf-8"))]
    for start in ELSEWHERE:
        assert any(one.startswith(start) for one in told), start
