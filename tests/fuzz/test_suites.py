"""Suites, --set values, names of places and hours of a grid, as strangers write them."""

import contextlib
import json
import math
import tomllib

import pytest
from awkward import changed, fuzzed, only_sentences, spoilt, tables, texts
from hypothesis import example, given
from hypothesis import strategies as st

from greendapt.accounting.grid import grid
from greendapt.accounting.hourly import Hours, Spell, grid_of_hours, read_intensity
from greendapt.api import load_suite
from greendapt.suite import overrides, suite_files
from greendapt.suite.limits import from_options

TABLE = tomllib.loads(suite_files.shipped()["chestxray"].read_text(encoding="utf-8"))
TEXT = suite_files.shipped()["chestxray"].read_bytes()
KEYS = [
    "run.seeds",
    "run.shots",
    "phase.head.epochs",
    "data.pool",
    "data.pool.path",
    "model.weights",
]
KEYS += [
    "strategy.full.phases",
    "transfer.probe.hidden",
    "carbon.pue",
    "limits.energy",
    "evaluation",
]


def _toml(value) -> str:
    """As TOML; floats as it has them, and surrogates as it has none."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if value is None:
        return '""'
    text = value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
    return json.dumps(text).replace("\x7f", "\\u007f")


@pytest.fixture
def loaded(tmp_path):
    def load(data: bytes, profile="default"):
        path = tmp_path / "own.toml"
        path.write_bytes(data)
        with only_sentences():
            suite = suite_files.load(path, profile)
            suite.model_dump_json(by_alias=True)

    return load


@given(data=spoilt(TEXT, most=6), profile=st.sampled_from(("default", "smoke")) | texts)
@fuzzed(150)
@example(data=b"a." * 20000 + b"a = 1", profile="default")
@example(data=b"a = " + b"[" * 5000 + b"]" * 5000, profile="default")
def test_suites_as_bytes(loaded, data, profile):
    loaded(data, profile)


@given(table=changed(TABLE, most=4))
@fuzzed(150)
@example(table=TABLE | {"phase": {"adapt": {"freeze": {"rule": [0]}}}})
def test_suites_as_tables(loaded, table):
    text = "\n".join(f"{_toml(key)} = {_toml(value)}" for key, value in table.items())
    loaded(text.encode())


@given(
    text=st.sampled_from(KEYS).flatmap(lambda key: texts.map(lambda value: f"{key}={value}"))
    | texts
)
@fuzzed(150)
@example(text=".".join(["a"] * 20000) + "=1")
@example(text="run.seeds=" + "9" * 5000)
@example(text="#a=1")
@example(text="a=1\nb=1")
def test_settings(text):
    with only_sentences():
        load_suite("chestxray", "smoke")
        suite_files.load(
            suite_files.find("chestxray"), "smoke", [suite_files.setting(text)]
        ).model_dump_json()


@given(key=st.sampled_from(KEYS) | texts, value=changed(TABLE["run"]) | texts)
@fuzzed(80)
def test_changes_from_python(key, value):
    with only_sentences():
        load_suite("chestxray", "smoke", {key: value})


@given(text=texts, more=texts)
@fuzzed(100)
def test_options(text, more):
    for read in (
        overrides.seeds,
        overrides.shots,
        overrides.weights,
        overrides.names,
        overrides.dataset,
        lambda one: overrides.datasets([f"pool={one}", f"external={more}", one]),
        lambda one: overrides.aliases([f"a={one}", one]),
        lambda one: from_options([f"energy={one}", f"{more}/auc={one}", one]),
        suite_files.find,
    ):
        with only_sentences(), contextlib.suppress(OSError):  # said as it is where a command ends
            read(text)


@given(place=texts, intensity=st.none() | st.floats(), pue=st.floats() | st.just(1.0))
@fuzzed(100)
def test_places(place, intensity, pue):
    with only_sentences():
        found = grid(place, intensity, pue)
        assert found.intensity_g_per_kwh is None or math.isfinite(found.intensity_g_per_kwh)


HOURS = [["Datetime (UTC)", "Carbon intensity gCO₂eq/kWh (Life cycle)"]]
HOURS += [[f"2026-11-27T{hour:02d}:00Z", f"{100 + 7 * hour}"] for hour in range(6)]


@given(table=tables(HOURS), raw=st.none() | spoilt("\n".join(map(",".join, HOURS)).encode()))
@fuzzed(150)
def test_hours(tmp_path, table, raw):
    path = tmp_path / "hours.csv"
    path.write_bytes(table.encode(errors="surrogatepass") if raw is None else raw)
    with only_sentences():
        hours = read_intensity(str(path))
        assert isinstance(hours, Hours)
        start_s = hours.starts_s[0]
        found = grid_of_hours(hours, [Spell(start_s, 3600.0, 5.0), Spell(start_s + 60, 1.0, 0.0)])
        assert math.isfinite(found.intensity_g_per_kwh)


@given(text=texts)
@fuzzed(60)
def test_intensities(text):
    with only_sentences():
        given_one = read_intensity(text)
        grid(None, given_one if isinstance(given_one, float) else None)
