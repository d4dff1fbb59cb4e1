"""TOML of strangers: what nests without end is refused before it takes time or stack."""

import pytest

from greendapt.core.toml_text import DEEPEST, parse_toml, unwritable


def nested(depth):
    return f"a = {'[' * depth}{']' * depth}"


def test_what_people_write_is_read():
    text = 'a.b."c.d" = 1\nabout = "one. two. three."\n' + nested(DEEPEST - 1).replace("a", "z")
    table = parse_toml(text)
    assert table["a"] == {"b": {"c.d": 1}}
    assert parse_toml(f"about = '{'etc. ' * 100}'")["about"].startswith("etc. etc.")


@pytest.mark.parametrize(
    "text",
    [
        *(nested(DEEPEST + 1), nested(5000), ".".join("a" * 20000) + " = 1"),
        *("[" + " . ".join("a" * 50) + "]", ".".join(['"a b"'] * 50) + " = 1", "a = 1\na = 2"),
        *(f"a = {'9' * 5000}", "a = {b = " * 500 + "1" + "}" * 500),
    ],
    ids=["deep", "deeper", "key", "head", "quoted", "twice", "digits", "tables"],
)
def test_what_nobody_means_is_one_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        parse_toml(text)


def test_text_that_no_file_can_be_called():
    assert unwritable({"a": ["ä", {"b": 1}]}) is None
    assert unwritable({"a": ["x\0"]}) == r"'x\x00'"
    assert unwritable({"a\udcff": 1}) == r"'a\udcff'"
