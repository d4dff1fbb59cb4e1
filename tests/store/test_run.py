"""Run folders: records that survive a kill, one writer, whole checkpoints."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.core.errors import RunError
from greendapt.core.figures import Figure
from greendapt.core.meter_facts import MeterFacts
from greendapt.core.records import Record
from greendapt.core.wall_fit import WallFit
from greendapt.disk.files import write_atomic, write_json
from greendapt.run.workers.claims import Claims
from greendapt.store.run import RunFolder, latest


def record(key, **changes):
    return Record(
        key=key,
        kind="adapt",
        role="adaptation",
        title=f"stage {key}",
        started_at="2026-01-01T00:00:00+00:00",
        figures={"wall_s": Figure.measured(1.5, "s", "clock")},
        **changes,
    )


def test_a_run_may_have_a_name_that_nobody_has(tmp_path):
    assert RunFolder.create(tmp_path, "tiny", "mine").path == tmp_path / "mine"
    with pytest.raises(RunError, match="is there already; greendapt resume"):
        RunFolder.create(tmp_path, "tiny", "mine")
    for name in ("../mine", "a/b", "", ".", ".hidden"):
        with pytest.raises(RunError, match="is no name of a folder"):
            RunFolder.create(tmp_path, "tiny", name)


@pytest.fixture
def folder(tmp_path):
    return RunFolder.create(tmp_path / "runs", "tiny")


def test_create_makes_a_new_folder_each_time(tmp_path):
    paths = {RunFolder.create(tmp_path / "deep" / "runs", "tiny").path for _ in range(3)}
    assert len(paths) == 3
    assert all(path.name.startswith("tiny-") and path.is_dir() for path in paths)


def test_records_come_back_as_they_were_in_order(folder):
    assert folder.records() == []
    given_records = [record("a"), record("b", status="failed", error="why"), record("a")]
    for one in given_records:
        folder.append(one)
    assert folder.records() == given_records
    assert list(latest(folder.records())) == ["a", "b"]
    assert all(json.loads(line)["schema"] == 2 for line in folder.records_path.open())


def test_a_later_record_of_a_stage_counts(folder):
    folder.append(record("a", status="failed", error="why"))
    folder.append(record("a"))
    assert latest(folder.records())["a"].status == "done"


@given(cut=st.integers(min_value=0), whole=st.integers(0, 3))
def test_a_kill_at_any_byte_loses_at_most_the_record_under_way(tmp_path_factory, cut, whole):
    folder = RunFolder.create(tmp_path_factory.mktemp("runs"), "tiny")
    kept = [record(str(number)) for number in range(whole)]
    for one in kept:
        folder.append(one)
    line = record("torn").model_dump_json(by_alias=True).encode()
    with folder.records_path.open("ab") as file:
        file.write(line[: cut % (len(line) + 1)])
    assert folder.records() == kept
    folder.append(record("next"))
    assert folder.records() == [*kept, record("next")]


def test_a_broken_line_in_the_middle_is_an_error_with_its_number(folder):
    folder.append(record("a"))
    with folder.records_path.open("ab") as file:
        file.write(b'{"schema": 2, "key": 1}\n')
    with pytest.raises(RunError, match=r"records\.jsonl line 2 is damaged"):
        folder.records()


def test_another_schema_is_refused(folder):
    write_json(folder.path / "run.json", {"schema": 3, "suite": 1})
    with pytest.raises(RunError, match="by a newer greendapt, schema 3; this one reads up to 2"):
        folder.read()
    with pytest.raises(RunError, match="is not a run"):
        RunFolder(folder.path / "elsewhere").read()


def test_one_process_writes_at_a_time(folder):
    assert not folder.is_held()
    code = (
        "import sys; from pathlib import Path; from greendapt.store.run import RunFolder\n"
        f"with RunFolder(Path({str(folder.path)!r})).writing():\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout.readline() == b"held\n"
    assert folder.is_held()
    with pytest.raises(RunError, match="another process is writing"), folder.writing():
        pytest.fail("two processes write")
    other.kill()
    other.communicate()
    assert not folder.is_held()  # the lock dies with its process
    with folder.writing():
        pass


def test_a_checkpoint_appears_whole_or_not_at_all(folder):
    def stopped():
        with folder.new_checkpoint("a") as path:
            (path / "half").write_text("x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert not folder.checkpoint("a").exists()
    for text in ("first", "second"):
        with folder.new_checkpoint("a") as path:
            (path / "file").write_text(text)
    assert (folder.checkpoint("a") / "file").read_text() == "second"
    assert [path.name for path in (folder.path / "checkpoints").iterdir()] == ["a"]


def test_a_full_disk_is_one_sentence_that_names_the_place(folder, small_files):
    small_files(10)
    with pytest.raises(RunError, match=r"cannot write .*/records\.jsonl: File too large;"):
        folder.append(record("a"))


@pytest.mark.parametrize("name", ["/dev/zero", "../../letter", "pipe"])
def test_no_file_of_a_record_is_outside_its_checkpoint(folder, name):
    with folder.new_checkpoint("a"):
        pass
    os.mkfifo(folder.checkpoint("a") / "pipe")
    with pytest.raises(RunError, match=r"leads out of|neither a file nor a folder"):
        folder.damage(record("a").model_copy(update={"files": {name: "0" * 32}}))


@pytest.mark.parametrize("key", ["../x", "a/../../.."])
def test_no_key_leads_out_of_a_run(folder, key):
    with pytest.raises(RunError, match="leads out of"):
        folder.checkpoint(key)


@pytest.mark.parametrize("name", ["abc.1", "abc.2"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("x")])
def test_a_claim_that_is_no_file_is_not_waited_for(folder, name, make):
    folder.claims.mkdir()
    make(folder.claims / name)
    claims = Claims(folder.claims)
    with pytest.raises(RunError, match="remove it"), claims.take("abc"):
        pass
    for asks in (claims.clear, claims.beside):
        with pytest.raises(RunError, match="remove it"):
            asks()


def test_an_atomic_write_replaces_or_leaves(tmp_path):
    path = tmp_path / "file"
    write_atomic(path, b"old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    with pytest.raises(RunError, match="cannot write"):
        write_atomic(tmp_path / "no" / "file", b"x")


# --- files are believed by their digests, and nothing is followed through a link


def left(folder, key="a"):
    """A stage's files and record, as a run leaves them."""
    with folder.new_checkpoint(key) as made:
        (made / "backbone.safetensors").write_bytes(b"weights" * 100)
        (made / "activations.npy").write_bytes(b"array")
    folder.append(record(key))
    return latest(folder.records())[key], folder.checkpoint(key) / "backbone.safetensors"


def test_a_record_holds_the_digests_of_its_files(folder):
    done, _ = left(folder)
    assert list(done.files) == ["backbone.safetensors"]
    assert folder.damage(done) is None


@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "deleted", "another's", "all gone"])
def test_what_is_not_as_written_is_seen(folder, how):
    done, path = left(folder)
    data = path.read_bytes()
    if how == "flipped":
        path.write_bytes(data[:50] + bytes([data[50] ^ 1]) + data[51:])
    elif how == "cut":
        path.write_bytes(data[:-1])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "deleted":
        path.unlink()
    elif how == "another's":
        path.write_bytes(b"others" * 100)
    else:
        folder.discard_checkpoint("a")
    damage = folder.damage(done)
    assert damage
    assert how == "all gone" or str(path) in damage


def test_records_without_digests_are_believed(folder):
    with folder.new_checkpoint("a") as made:
        (made / "backbone.safetensors").write_bytes(b"x")
    assert folder.damage(record("a")) is None


def test_a_power_cut_never_leaves_a_record_without_its_files(folder, monkeypatch):
    """What is not synced is lost: whatever a record names must have been synced before it."""
    synced = []
    real = os.fsync

    def sync(number):
        synced.append(str(Path(f"/proc/self/fd/{number}").readlink()))
        real(number)

    monkeypatch.setattr(os, "fsync", sync)
    left(folder)
    written, *_ = [n for n, path in enumerate(synced) if path == str(folder.records_path)]
    before = synced[:written]
    assert any(path.endswith("backbone.safetensors") for path in before)
    assert any(path.endswith("activations.npy") for path in before)
    assert str(folder.path / "checkpoints") in before


def _run_a_stage(folder):
    with folder.writing():
        folder.append(record("a"))
        folder.gather()
        Claims(folder.claims).clear()
        left(folder)


@pytest.mark.parametrize("name", [".lock", "records.jsonl", "claims", "workers", "checkpoints"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_no_part_of_a_run_is_followed_through_a_link(folder, tmp_path, name, kind):
    outside = tmp_path / "outside"
    if kind == "file":
        outside.write_text("precious")
    else:
        outside.mkdir()
        (outside / "precious.1").write_text("precious")
        (outside / "a").mkdir()
        (outside / "a" / "backbone.safetensors").write_bytes(b"precious")
    part = folder.path / name
    if part.is_dir():
        part.rmdir()
    part.symlink_to(outside)
    with pytest.raises(RunError, match="symbolic link"):
        _run_a_stage(folder)
    if kind == "file":
        assert outside.read_text() == "precious"
    else:
        assert sorted(path.name for path in outside.rglob("*")) == [
            "a", "backbone.safetensors", "precious.1"]  # fmt: skip


def test_a_summary_that_is_a_link_is_replaced_or_refused_but_never_written_through(
    folder, tmp_path
):
    outside = tmp_path / "outside.json"
    outside.write_text("precious")
    (folder.path / "summary.json").symlink_to(outside)
    with pytest.raises(RunError, match="symbolic link"):
        folder.summary()
    write_atomic(folder.path / "summary.json", b"{}")
    assert outside.read_text() == "precious"
    assert not (folder.path / "summary.json").is_symlink()


def test_only_claims_are_cleared(folder):
    folder.claims.mkdir()
    for name in ("abc.1", "abc.2", "abc.tmp", "letter.txt"):
        (folder.claims / name).write_text("")
    Claims(folder.claims).clear()
    assert sorted(path.name for path in folder.claims.iterdir()) == ["abc.tmp", "letter.txt"]


def test_a_stray_file_beside_claims_is_none(folder):
    folder.claims.mkdir()
    (folder.claims / "abc.tmp").write_text("")
    with Claims(folder.claims).take("abc") as claim:
        assert claim is not None


def test_records_that_are_a_folder_are_one_sentence(folder):
    folder.records_path.mkdir()
    with pytest.raises(RunError, match="cannot be read"):
        folder.records()


@pytest.mark.parametrize(("second", "kept"), [(1.2, True), (1.3, False), (None, False)])
def test_writers_of_several_machines_have_no_one_line_to_the_wall(tmp_path, second, kept):
    def line(slope):
        if slope is None:
            return None
        return WallFit(
            slope=slope, base_w=20.0, residual_w=0.5, readings=((1.0, 20.0), (50.0, 80.0)),
            taken_on="2026-11-27", parts=("cpu",),
        )  # fmt: skip

    folder = RunFolder.create(tmp_path, "x")
    for worker, slope in (("a", 1.2), ("b", second)):
        facts = MeterFacts(device="cpu", wall=line(slope))
        RunFolder(folder.path, worker).keep_meter_facts(facts)
    assert (folder.meter_facts().wall == line(1.2)) is kept
    assert (folder.meter_facts().wall is None) is not kept


@pytest.mark.parametrize("text", ["[1,2]", "null", '{"gpus": 3}', "[" * 100_000, ""])
def test_what_a_worker_left_damaged_is_one_sentence_that_says_what_to_do(folder, text):
    folder.workers.mkdir()
    (folder.workers / "zz.json").write_text(text)
    with pytest.raises(RunError, match=r"zz\.json"):
        folder.meter_facts()


def test_json_without_end_is_a_damaged_file(folder):
    folder.records_path.write_text("[" * 100_000 + "\n")
    with pytest.raises(RunError, match=r"records\.jsonl line 1 is damaged"):
        folder.records()


FORMER = Path(__file__).parent / "run_schema_1"


@pytest.mark.parametrize(
    ("name", "keys", "value", "said"),
    [
        ("run.json", ("grid", "pue"), float("inf"), r"grid\.pue"),
        ("run.json", ("grid", "intensity_g_per_kwh"), -1.0, r"grid\.intensity"),
        ("run.json", ("data", "pool", "classes"), 1.5, r"data\.pool\.classes"),
        ("summary.json", ("rows", 0, "metrics", "external"), 2, r"rows\.0\.metrics\.external"),
    ],
)
def test_values_that_cannot_be_are_named(tmp_path, name, keys, value, said):
    run = shutil.copytree(FORMER, tmp_path / "run")
    table = json.loads((run / name).read_text())
    place = table
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    (run / name).write_text(json.dumps(table))
    with pytest.raises(RunError, match=rf"{name} is damaged \({said}"):
        RunFolder(run).finished()


def test_a_summary_of_another_suite_is_refused(tmp_path):
    run = shutil.copytree(FORMER, tmp_path / "run")
    table = json.loads((run / "summary.json").read_text())
    table["rows"][0]["strategy"] = ""
    (run / "summary.json").write_text(json.dumps(table))
    with pytest.raises(RunError, match="its suite has no strategy ''"):
        RunFolder(run).finished()
