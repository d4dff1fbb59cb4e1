"""Locks: one process at a time, freed by a kill, and nothing of the file is changed."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from greendapt.disk.locks import is_locked, locked

HOLDS = (
    "import sys; from pathlib import Path; from greendapt.disk.locks import locked\n"
    "with locked(Path(sys.argv[1])):\n"
    "    print('held', flush=True); sys.stdin.read()"
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / ".lock"
    path.write_text("kept")
    return path


@pytest.fixture
def holder(path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_another_process_is_not_let_in_and_its_death_frees_it(path, holder):
    assert is_locked(path)
    with pytest.raises(BlockingIOError, match="another process holds"), locked(path, wait=False):
        pytest.fail("two processes hold it")
    holder.kill()
    holder.wait()
    assert not is_locked(path)
    with locked(path, wait=False):
        assert is_locked(path)
    assert not is_locked(path)
    assert path.read_text() == "kept"


def test_who_waits_gets_it_in_the_end(path, holder):
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    holder.communicate(b"")
    assert other.stdout.readline() == b"held\n"
    other.communicate(b"")


def test_a_file_that_is_not_there_is_held_by_nobody(tmp_path):
    assert not is_locked(tmp_path / "none")
    assert not any(tmp_path.iterdir())


def test_a_link_is_not_followed(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="link"), locked(link):
        pytest.fail("it was followed")
    assert not (tmp_path / "elsewhere").exists()


def _tell(path, answers):
    if os.getuid() == 0:
        os.setuid(65534)  # nobody: the superuser may write anywhere
    answers.put(is_locked(path))


def test_who_may_only_read_can_tell_too():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / ".lock"
        path.touch(0o444)
        fork = multiprocessing.get_context("fork")
        answers = fork.SimpleQueue()
        for held in (False, True):
            with locked(Path(folder) / (".lock" if held else "other")):
                child = fork.Process(target=_tell, args=(path, answers))
                child.start()
                child.join()
                assert child.exitcode == 0
            assert answers.get() is held
