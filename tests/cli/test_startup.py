"""The command line answers at once (timed by `test_startup`, benchmarks), and says what it does."""

import os
import subprocess
import sys

import pytest

HEAVY = ("torch", "timm", "torchvision", "codecarbon", "pandas", "scipy", "rich")
OPENMP = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
LIGHT = [
    ("--help",),
    ("--version",),
    ("suites",),
    ("suites", "show", "chestxray"),
    ("bench", "--help"),
    ("export", "--help"),
]


@pytest.mark.parametrize("arguments", LIGHT, ids=" ".join)
def test_what_needs_no_torch_does_not_import_it(arguments):
    code = (
        "import sys; from greendapt.cli.app import main\n"
        f"sys.argv = ['greendapt', *{arguments!r}]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"found = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "sys.exit(f'imported {found}' if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_help_names_every_command(greendapt):
    said = greendapt("--help").out
    for command in (
        "bench",
        "resume",
        "report",
        "figure",
        "export",
        "score",
        "replay",
        "measure",
        "flops",
        "doctor",
        "plugins",
        "suites",
    ):
        assert f" {command} " in said


def test_no_command_shows_the_help_alone(greendapt):
    done = greendapt()
    assert done.code == 2
    assert "bench" in done.out
    assert done.err == ""


def test_suites_lists_and_shows(greendapt):
    listed = greendapt("suites")
    assert listed.code == 0
    assert "chestxray" in listed.out
    assert "profiles: default, smoke, paper" in listed.out
    shown = greendapt("suites", "show", "chestxray")
    assert shown.out.startswith("# greendapt bench --suite chestxray\n")


@pytest.mark.parametrize(
    ("command", "given", "wanted"),
    [
        (["--version"], {}, "PASSIVE"),
        (["--version"], {"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE"),
        (["--version"], {"GOMP_SPINCOUNT": "100"}, "None"),
        (["measure", "--", "true"], {}, "None"),
    ],
    ids=["spinning holds cores that others need", "as the user chose", "so, too", "not ours"],
)
def test_threads_sleep_while_they_wait(command, given, wanted):
    code = (
        "import os, sys; from greendapt.cli.app import main\n"
        f"sys.argv = ['greendapt', *{command!r}]\n"
        "try: main()\n"
        "except SystemExit: print('waits', os.environ.get('OMP_WAIT_POLICY'))"
    )
    environ = {k: v for k, v in os.environ.items() if k not in OPENMP} | given
    ran = [sys.executable, "-c", code]
    done = subprocess.run(ran, capture_output=True, text=True, check=True, env=environ)
    assert f"waits {wanted}" in done.stdout
