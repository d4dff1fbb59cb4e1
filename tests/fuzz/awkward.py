"""What strangers write: values that nobody means, and sound files with a few of them in it.

A target takes input made from these and must succeed or raise a GreendaptError: `only_sentences`.
"""

import copy
import string
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from greendapt.core.errors import GreendaptError

_MANY = settings().max_examples > 1000


def fuzzed(examples):
    """So many examples, the same in every run; those of the profile ``nightly`` in that."""
    count = settings().max_examples if _MANY else examples
    shared = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=count, derandomize=not _MANY, deadline=None, suppress_health_check=shared
    )


@contextmanager
def only_sentences() -> Iterator[None]:
    """Success, or one sentence for people that says something."""
    said = "success"
    try:
        yield
    except GreendaptError as error:
        said = str(error)
    assert said.strip()


TEXTS = (
    *("", " ", "\0", "\n", "\r\n", ",", ";", "\t", '"', "'", "=", "|", "..", "/", "\\", "~"),
    *("~x/y", "../../x", "/dev/null", "C:\\x", "-", "nan", "NaN", "inf", "-inf", "1e999", "1e308"),
    *("-1", "0", "1.5", "9" * 30, "9" * 5000, "\x1b[31mred", "\u202etxt", "\ufeff", "ä", "日本"),
    *("\ud800", "x" * 3000, "none", "None", "null", "true", "*", "path", "$(x)", "{{x}}", "<b>"),
    *("a.b.c", "seed", "[", "{"),
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 7, 2**31, 2**63, 10**30, 0.5, -0.0, 1e-300, 1e308, -1e308)
NUMBERS += (float("inf"), float("-inf"), float("nan"))


def _deep(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


texts = st.sampled_from(TEXTS) | st.text(string.printable, max_size=12)
values = (
    texts
    | st.sampled_from((*NUMBERS, None, True, False))
    | st.sampled_from(([], {}, [[]], [None], [0, "a"], {"a": 1}, {"": None}))
    | st.integers(1, 60).map(_deep)
)


def _places(value, before=()) -> Iterator[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, one in inner:
        yield (*before, key)
        if isinstance(one, dict | list):
            yield from _places(one, (*before, key))


def _like(value):
    """Of the same kind: what passes for right at first sight."""
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return st.just(value)
    return texts if isinstance(value, str) else st.sampled_from(NUMBERS) | st.floats(0, 2)


@st.composite
def changed(draw, whole, most=3, of=values):
    """A copy of a JSON value with up to ``most`` things replaced, removed, doubled or added, each a
    copy too: one that is put in may be changed next."""
    whole = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(whole))
        if not places:
            break
        *above, last = draw(st.sampled_from(places))
        holder = whole
        for key in above:
            holder = holder[key]
        how = draw(st.sampled_from(("replace", "replace", "replace", "remove", "double", "add")))
        if how == "replace":
            holder[last] = copy.deepcopy(draw(_like(holder[last]) | of))
        elif how == "remove":
            del holder[last]
        elif isinstance(holder, dict):
            name = draw(texts) if how == "add" else f"{last}2"
            holder[name] = copy.deepcopy(draw(of) if how == "add" else holder[last])
        else:
            holder.insert(last, copy.deepcopy(draw(of) if how == "add" else holder[last]))
    return whole


@st.composite
def torn(draw, data, most=4):
    """Bytes with up to ``most`` of them flipped, cut, doubled, or others put in."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, most))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        how = draw(st.sampled_from(("flip", "flip", "cut", "drop", "double", "insert", "text")))
        if how == "flip" and data:
            data[at] = draw(st.integers(0, 255))
        elif how == "cut":
            del data[at:]
        elif how == "drop":
            del data[at : at + draw(st.integers(1, 30))]
        elif how == "double":
            data[at:at] = data[at : at + draw(st.integers(1, 30))]
        elif how == "insert":
            data[at:at] = draw(st.binary(max_size=8))
        else:
            data[at:at] = draw(texts).encode(errors="surrogatepass")
    return bytes(data)


def spoilt(data, most=4):
    """Sound bytes with something wrong, or bytes of no sense at all."""
    return torn(data, most) | st.binary(max_size=200)


@st.composite
def tables(draw, rows, most=5, delimiter=","):
    """Text of a table, sound but for some cells, rows and columns."""
    rows = [list(row) for row in rows]
    for _ in range(draw(st.integers(0, most))):
        if not rows:
            break
        at = draw(st.integers(0, len(rows) - 1))
        how = draw(
            st.sampled_from(("cell", "cell", "cell", "more", "fewer", "drop", "double", "column"))
        )
        if how == "cell" and rows[at]:
            rows[at][draw(st.integers(0, len(rows[at]) - 1))] = draw(texts)
        elif how == "more":
            rows[at].append(draw(texts))
        elif how == "fewer":
            del rows[at][draw(st.integers(0, len(rows[at]))) :]
        elif how == "drop":
            del rows[at]
        elif how == "double":
            rows.insert(at, list(rows[at]))
        else:
            cell, name = draw(texts), draw(texts)
            rows = [[*row, name if number == 0 else cell] for number, row in enumerate(rows)]
    end = draw(st.sampled_from(("\n", "\r\n", "\n\n", f"{delimiter}\n")))
    return end.join(delimiter.join(row) for row in rows) + draw(st.sampled_from(("", "\n")))
