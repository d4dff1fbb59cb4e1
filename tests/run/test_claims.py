"""Claims on stages: one holder at a time, taken over from the dead and from nobody else."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from greendapt.core.errors import GreendaptError
from greendapt.run.workers.claims import Claims, this_worker

HOLDS = """
import sys, time
from pathlib import Path
from greendapt.run.workers.claims import Claims
with Claims(Path(sys.argv[1])).take("stage") as claim:
    print("held" if claim else "free of me", flush=True)
    time.sleep(600)
"""
CONTENDS = """
import sys, time
from pathlib import Path
from greendapt.run.workers.claims import Claims
folder, log = Path(sys.argv[1]), Path(sys.argv[2])
claims, left = Claims(folder), [str(n) for n in range(40)]
while left:
    for key in list(left):
        with claims.take(key) as claim:
            if claim is None:
                continue
            left.remove(key)
            done = log / key
            if not done.exists():
                with (log / "all").open("a") as file:
                    file.write(key + "\\n")
                done.touch()
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds ``stage``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def is_free(claims, key="stage"):
    with claims.take(key) as claim:
        return claim is not None


def test_one_worker_holds_a_stage(tmp_path):
    mine, other = Claims(tmp_path), Claims(tmp_path)
    with mine.take("stage") as claim:
        assert claim.is_mine()
        assert not is_free(other)
        assert is_free(other, "another")
    assert is_free(other)
    assert not any(tmp_path.iterdir())


def test_a_worker_that_is_killed_is_seen_at_once(tmp_path, holder):
    claims = Claims(tmp_path)
    assert not is_free(claims)
    holder.kill()
    holder.wait()
    assert is_free(claims)
    assert not any(tmp_path.iterdir())


def test_several_processes_do_each_stage_once(tmp_path):
    claims, log = tmp_path / "claims", tmp_path / "log"
    log.mkdir()
    command = [sys.executable, "-c", CONTENDS, claims, log]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(timeout=120) for process in processes] == [0] * 4
    done = (log / "all").read_text().split()
    assert sorted(map(int, done)) == list(range(40))
    assert not any(claims.iterdir())


def elsewhere(path):
    """The same claim as a process of another machine would have written it."""
    said = json.loads(path.read_bytes())
    path.write_bytes(json.dumps(said | {"space": "other", "machine": "other"}).encode().ljust(300))


def test_a_silent_worker_of_another_machine_is_waited_for_and_then_replaced(tmp_path):
    gone, waiting = Claims(tmp_path, beat_s=600), Claims(tmp_path, stale_s=0.3)
    with gone.take("stage") as claim:
        elsewhere(claim.path)
        assert not is_free(waiting)
        time.sleep(0.4)
        with waiting.take("stage") as taken:
            assert taken.is_mine()
            assert not claim.is_mine()
    assert not any(tmp_path.iterdir())


def test_a_worker_of_another_machine_that_beats_keeps_its_stage(tmp_path):
    beating, waiting = Claims(tmp_path, beat_s=0.05), Claims(tmp_path, stale_s=0.5)
    beating.worker = replace(beating.worker, space="other")
    with beating.take("stage"):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert not is_free(waiting)
            time.sleep(0.05)


def test_a_process_with_a_dead_ones_number_is_not_it():
    worker = this_worker()
    assert not worker.is_dead()
    assert replace(worker, born_s=worker.born_s - 60).is_dead()
    assert not replace(worker, born_s=0.0, space="other").is_dead()


def test_a_claim_that_was_just_made_and_says_nothing_yet_is_held(tmp_path):
    (tmp_path / "stage.1").write_bytes(b"")
    claims = Claims(tmp_path, stale_s=0.2)
    assert not is_free(claims)
    time.sleep(0.3)
    assert is_free(claims)


@pytest.mark.usefixtures("holder")
def test_who_works_on_this_machine_beside_one(tmp_path):
    claims = Claims(tmp_path)
    (name,) = claims.beside()
    assert name.startswith(f"{claims.worker.machine}-")
    with claims.take("mine"):
        assert claims.beside() == {name}
    elsewhere(next(tmp_path.glob("stage.*")))
    assert claims.beside() == set()


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(GreendaptError, match=str(path)), Claims(path).take("stage"):
        pass


def test_what_others_are_at_is_known_and_what_the_dead_left_is_not(tmp_path):
    mine, other = Claims(tmp_path), Claims(tmp_path)
    gone = Claims(tmp_path, replace(this_worker(), pid=2**22 + 1))
    with mine.take("a"), other.take("b"), gone.take("c"):
        assert mine.held() == {"b"}
        assert other.held() == {"a"}
    assert other.held() == set()
