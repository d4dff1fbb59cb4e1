"""What is printed: no text of others commands a terminal, and no letter ends a command."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from greendapt.core.console import Console
from greendapt.core.terminal import clean_streams, say, show, show_json

HOSTILE = "a\x1b[31mb\x9b2Jc\u202ed\r\udc9be"
SHOWN = "a\ufffd[31mb\ufffd2Jc\ufffdd\ufffd\ufffde"


@pytest.fixture
def stream(monkeypatch):
    """``stream(encoding)``: stdout as one of this encoding; what is written there."""

    def replaced(encoding):
        taken = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(taken, encoding, write_through=True))
        return taken

    return replaced


def test_control_characters_are_shown_on_both_streams(capsys):
    say(HOSTILE)
    show(HOSTILE, end="")
    assert tuple(capsys.readouterr()) == (SHOWN, SHOWN + "\n")


@pytest.mark.parametrize(
    ("encoding", "seen"),
    [("ascii", b"-1 +- 2 ug >=?\n"), ("latin-1", b"-1 +- 2 ug >=?\n"), ("utf-8", None)],
)
def test_a_letter_that_the_encoding_lacks_is_the_nearest_there_is(stream, encoding, seen):
    taken = stream(encoding)
    said = "\N{MINUS SIGN}1 ± 2 µg ≥\u754c"
    show(said)
    assert taken.getvalue() == (said.encode() + b"\n" if seen is None else seen)


@given(st.recursive(st.text(), lambda one: st.lists(one) | st.dictionaries(st.text(), one)))
def test_json_is_ascii_and_reads_back_whole(value):
    before, sys.stdout = sys.stdout, io.StringIO()
    try:
        show_json(json.dumps(value, ensure_ascii=False, indent=1))
        text = sys.stdout.getvalue()
    finally:
        sys.stdout = before
    assert json.loads(text) == value
    assert all(letter == "\n" or " " <= letter <= "~" for letter in text)


def test_what_libraries_print_is_cleaned_too(capsys):
    with clean_streams():
        print(HOSTILE)
        print(HOSTILE, end="", file=sys.stderr)
        with pytest.raises(TypeError):
            sys.stdout.write(b"bytes")  # by which others tell a stream of text
    assert tuple(capsys.readouterr()) == (SHOWN + "\n", SHOWN)


def test_rich_keeps_its_own_colours_and_no_others(stream):
    taken = stream("ascii")
    with clean_streams():
        Console(force_terminal=True, color_system="standard").print(
            Text("\x1b]0;title\x07 \N{MINUS SIGN}1", style="bold red")
        )
    assert taken.getvalue() == b"\x1b[1;31m?]0;title -1\x1b[0m\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_full_disk_is_no_other_exit_status(stream):
    code = (
        "from greendapt.core.errors import GreendaptError\n"
        "from greendapt.core.terminal import say, show\n"
        "say('told')\n"
        "try: show('told')\n"
        "except GreendaptError as error: say(error.args[0])\n"
        "raise SystemExit(3)\n"
    )
    places = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], text=True, check=False, **{**places, stream: full}
        )
    assert done.returncode == 3
    full_stdout = "told\ncannot write to stdout: No space left on device\n"
    assert (done.stdout, done.stderr) == (
        (None, full_stdout) if stream == "stdout" else ("told\n", None)
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream_takes_nothing(closed):
    code = "from greendapt.core.terminal import *; say('x'); show('y')"
    done = subprocess.run(["sh", "-c", f'"$0" -c "{code}" {closed}', sys.executable], check=False)
    assert done.returncode == 0
