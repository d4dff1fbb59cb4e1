"""Run folders, baselines and the names of plug-ins, as strangers write them."""

import contextlib
import copy
import io
import json
import shutil
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from awkward import TEXTS, changed, fuzzed, only_sentences, spoilt, texts
from hypothesis import given
from hypothesis import strategies as st

from greendapt.api import read_run
from greendapt.core.figures import Figure
from greendapt.core.registry import Registry
from greendapt.gate import check
from greendapt.gate.compare import compare
from greendapt.gate.facts import as_baseline, of_run
from greendapt.gate.outputs import as_json, as_junit, as_markdown, as_text
from greendapt.report.formats import table
from greendapt.store import baselines
from greendapt.store.run import RunFolder
from greendapt.suite.limits import NO_LIMITS, Tier

FORMER = Path(__file__).parents[1] / "store" / "run_schema_1"
FILES = ("run.json", "summary.json", "records.jsonl")
FORMATS = ("html", "md", "csv", "json", "latex", "modelcard", "annexxi", "emissions")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of today; each example finds it as it was."""
    return shutil.copytree(FORMER, tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def sound(run):
    """The text of each file, brought to today's schema."""
    folder = RunFolder(run)
    lines = [one.model_dump_json(by_alias=True) for one in folder.records()]
    return {
        "run.json": folder.read().model_dump_json(by_alias=True),
        "summary.json": folder.summary().model_dump_json(by_alias=True),
        "records.jsonl": "\n".join(lines) + "\n",
    }


def _as_text(value):
    return json.dumps(value).encode(errors="surrogatepass")


@pytest.fixture
def read(run, sound):
    """Everything that is read of a run with one other file."""

    def read(name, data):
        for other, text in sound.items():
            (run / other).write_text(text)
        (run / name).write_bytes(data)
        with only_sentences():
            made = read_run(run)
            for form in FORMATS:
                table.write(made.data, made.view, [form], run)
        with only_sentences():
            compare([of_run(run), of_run(FORMER)])

    return read


def test_it_is_read_as_it_is(read, sound):
    for name, text in sound.items():
        read(name, text.encode())


@given(data=st.data(), name=st.sampled_from(FILES[:2]))
@fuzzed(30)
def test_files_of_a_run(read, sound, data, name):
    whole = json.loads(sound[name])
    read(name, _as_text(data.draw(changed(whole))))


@given(data=st.data())
@fuzzed(30)
def test_records(read, sound, data):
    lines = sound["records.jsonl"].encode().splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] = _as_text(data.draw(changed(json.loads(lines[at])))) + b"\n"
    read("records.jsonl", b"".join(lines))


@given(data=st.data(), name=st.sampled_from(FILES))
@fuzzed(30)
def test_files_of_a_run_as_bytes(read, sound, data, name):
    read(name, data.draw(spoilt(sound[name].encode(), most=6)))


@given(data=st.data(), name=st.sampled_from(("a.json", "zz.jsonl", "records.json")))
@fuzzed(30)
def test_what_workers_leave(run, sound, data, name):
    for other, text in sound.items():
        (run / other).write_text(text)
    shutil.rmtree(run / "workers", ignore_errors=True)
    (run / "workers").mkdir()
    content = data.draw(
        changed({"device": "cpu", "gpus": [], "idle_w": 1.5}).map(_as_text)
        | spoilt(sound["records.jsonl"].encode())
    )
    (run / "workers" / name).write_bytes(content)
    with only_sentences():
        RunFolder(run).records()
        RunFolder(run).meter_facts()
    shutil.rmtree(run / "workers")


@pytest.fixture
def judged(run, sound, tmp_path):
    def judge(text):
        for other, own in sound.items():
            (run / other).write_text(own)
        path = tmp_path / "baseline.toml"
        path.write_bytes(text)
        with only_sentences():
            found = check.run_against_baseline(run, path, NO_LIMITS, frozenset(Tier))
            for write in (as_text, as_json, as_junit, as_markdown):
                write(found)

    return judge


@pytest.fixture(scope="module")
def blocks(run, sound):
    for other, own in sound.items():
        (run / other).write_text(own)
    text = baselines.render(as_baseline([of_run(run)]))
    *parts, _ = text.strip().split("\n\n")
    return [part.splitlines()[:-1] for part in parts]


@given(data=st.data())
@fuzzed(40)
def test_baselines_sealed_anew(judged, blocks, data):
    """As somebody who edits one and seals it would."""
    changes = copy.deepcopy(blocks)
    for _ in range(data.draw(st.integers(1, 3))):
        block = data.draw(st.sampled_from(changes))
        at = data.draw(st.integers(0, len(block) - 1))
        key, equals, _ = block[at].partition(" = ")
        value = data.draw(
            st.sampled_from(("[]", "-1", "inf", "nan", "{}", '""', "1e400", "[[]]", "[1]", "true"))
            | st.sampled_from(TEXTS)
        )
        value = value.encode("utf-8", "replace").decode()
        block[at] = f"{key} = {value}" if equals else value
    judged(baselines.sealed(changes).encode())


@given(data=st.data())
@fuzzed(40)
def test_baselines_as_bytes(judged, blocks, data):
    judged(data.draw(spoilt(baselines.sealed(blocks).encode(), most=5)))


@given(name=texts, target=st.sampled_from(("os:getcwd", "no.such:thing", "os", "a:b:c")) | texts)
@fuzzed(150)
def test_names_of_plugins(monkeypatch, name, target):
    offered = [EntryPoint(name=name, value=target, group="greendapt.fuzzed")]
    monkeypatch.setattr("greendapt.core.registry.entry_points", lambda **_: offered)
    registry = Registry("greendapt.fuzzed", "score", {"mean": "statistics:mean"}, Figure)
    with only_sentences(), contextlib.redirect_stdout(io.StringIO()):
        for one in registry.listed(load=True):
            print(one.name.encode("utf-8", "replace"), one.problem.encode("utf-8", "replace"))
        registry.get(name)
