"""Foreign text on its way to a terminal, and terminals that know few letters."""

import json
import os
import re
import subprocess

import numpy as np
import pytest
from PIL import Image

COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
EVIL = "\x1b]0;owned\x07\x1b[2J\u202egnp"


@pytest.fixture
def folder(tmp_path):
    """Images in classes whose names command a terminal, in files whose names do."""
    for label in ("a" + EVIL, "b"):
        place = tmp_path / "images" / label
        place.mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng(number).integers(0, 255, (40, 40), np.uint8)
            Image.fromarray(pixels).save(place / f"{number}{EVIL}.png")
        (place / f"broken{EVIL}.png").write_bytes(b"no image")
    return tmp_path / "images"


COMMANDS = {
    "audit": ["data", "audit", "{folder}"],
    "audit with names": ["data", "audit", "{folder}", "--json", "--names"],
    "pack": ["data", "pack", "{folder}", "--image-size", "32"],
    "key": ["bench", "--set", f"model.x{EVIL}=1"],
    "suite": ["plan", "--suite", f"none{EVIL}"],
    "option": ["bench", f"--no{EVIL}"],
    "run": ["report", f"no{EVIL}"],
    "gate": ["check", f"no{EVIL}", "--baseline", f"b{EVIL}"],
    "table": ["replay", f"no{EVIL}"],
    "command": ["measure", "--device", "cpu", "--", f"no{EVIL}"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_foreign_text_commands_no_terminal(greendapt, folder, name):
    done = greendapt(*(part.format(folder=folder) for part in COMMANDS[name]))
    assert "\N{REPLACEMENT CHARACTER}" in done.out + done.err or "--json" in COMMANDS[name]
    assert not COMMANDING.search(done.out + done.err)
    if "--json" in COMMANDS[name]:
        assert json.dumps(EVIL)[1:-1] in json.dumps(json.loads(done.out))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_run_is_reported_on_a_terminal_of_few_letters(program, finished_run, encoding):
    environ = {**os.environ, "PYTHONIOENCODING": encoding}
    for form in (["--format", "terminal"], []):
        done = subprocess.run(
            [*program, "report", finished_run, *form], env=environ, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode(encoding)
