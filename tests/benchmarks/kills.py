"""Kills a tiny bench at random moments, damages its files in between, and resumes it.

    python tests/benchmarks/kills.py --kills 50 [--seed 0] [--suite FILE]

Nothing that was written may be lost: every whole record stays as it is, and in the end metrics, and
weights that are as their records say, are the same bytes as those of an undisturbed run. Between a
kill and a resume one thing is done of what a disk may do: a record torn, weights of a checkpoint or
of the user's cache flipped, cut, emptied or deleted, strangers' files left among the claims. Prints
what it did and found; exit code 1 where anything was lost or differs.
"""

import argparse
import hashlib
import importlib
import json
import os
import random
import runpy
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from greendapt.meter.sources.codecarbon import rating

HEAVY = ("torch", "timm", "scipy.stats", "torchmetrics", "greendapt.run.prepare")
"""Imported once, and not by every fork."""
TINY = Path(__file__).parents[1] / "conftest.py"


def run(arguments: list[str], log: Path, kill_after_s: float | None = None) -> int | None:
    """Exit code of a command in a fork of this process, which has imported everything already; None
    where it was killed first."""
    child = os.fork()
    if child == 0:
        _become(arguments, log)
    end_s = None if kill_after_s is None else time.monotonic() + kill_after_s
    while end_s is None or time.monotonic() < end_s:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return None if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def _become(arguments: list[str], log: Path) -> None:
    from greendapt.cli.app import main

    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["greendapt", *arguments]
    code = 1
    try:
        main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


# --- what a disk may do ---------------------------------------------------------------------


def _spoil(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    how = chance.choice(("flip", "cut", "empty", "delete"))
    if how == "delete":
        path.unlink()
        return
    if how == "flip" and data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data if how == "flip" else data[: len(data) // 2 if how == "cut" else 0])


def nothing(folder: Path, chance: random.Random) -> None:
    del folder, chance


def record_torn(folder: Path, chance: random.Random) -> None:
    records = folder / "records.jsonl"
    lines = records.read_bytes().splitlines(keepends=True) if records.exists() else []
    if lines:
        line = chance.choice(lines)
        whole = b"".join(one for one in lines if one.endswith(b"\n"))
        records.write_bytes(whole + line[: chance.randrange(1, len(line))])


def checkpoint_spoilt(folder: Path, chance: random.Random) -> None:
    files = sorted(folder.glob("checkpoints/*/*.*"))
    if files:
        _spoil(chance.choice(files), chance)


def cache_spoilt(folder: Path, chance: random.Random) -> None:
    del folder
    weights = sorted(Path(os.environ["GREENDAPT_CACHE"]).glob("weights/*/[!.]*"))
    if weights:
        _spoil(chance.choice(weights), chance)


def strangers(folder: Path, chance: random.Random) -> None:
    for name in ("claims", "workers"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "claims" / f"{chance.randrange(9)}.tmp").write_bytes(b"")
    (folder / "claims" / "letter.txt").write_bytes(b"dear")


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (
    nothing, record_torn, checkpoint_spoilt, checkpoint_spoilt, cache_spoilt, strangers,
)  # fmt: skip


# --- what must hold -------------------------------------------------------------------------


def whole_lines(folder: Path) -> list[bytes]:
    records = folder / "records.jsonl"
    lines = records.read_bytes().splitlines(keepends=True) if records.exists() else []
    return [line for line in lines if line.endswith(b"\n")]


def result(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Metrics of every cell, and a digest of the tensors of each file that is believed: whose bytes
    are those of its record (safetensors writes its metadata in an order of its own). A file that
    was spoilt after its last reader is not made again, and not believed."""
    from safetensors.torch import load_file

    from greendapt.disk.files import digest_of

    last = {one["key"]: one for one in map(json.loads, whole_lines(folder))}
    rows = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["rows"]
    metrics = [json.dumps([row["strategy"], row["seed"], row["metrics"]]) for row in rows]
    weights = {}
    for path in folder.glob("checkpoints/*/*.safetensors"):
        if digest_of(path) != last[path.parent.name]["files"].get(path.name):
            continue
        digest = hashlib.sha256()
        for name, tensor in sorted(load_file(path).items()):
            digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
        weights[f"{path.parent.name}/{path.name}"] = digest.hexdigest()
    return metrics, weights


@dataclass
class Tally:
    """``whole_s``: an undisturbed run took; kills come within that."""

    whole_s: float
    kills: int = 0
    runs: int = 0
    stages: int = 0
    lost: int = 0
    different: int = 0
    failed: list[str] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)


def one_run(bench: list[str], work: Path, most: int, chance: random.Random, tally: Tally) -> Path:
    """A run that is killed up to ``most`` times, and then left to end."""
    out, log = work / f"killed{tally.runs}", work / "log"
    tally.runs += 1
    folder: Path | None = None
    kept: list[bytes] = []
    for number in range(most + 1):
        command = ["resume", str(folder)] if folder else [*bench, "--out", str(out)]
        wait_s = chance.uniform(0, tally.whole_s) if number < most else None
        code = run(command, log, wait_s)
        tally.kills += code is None
        folder = next((path.parent for path in out.glob("*/run.json")), None)
        if folder is None:
            continue
        lines = whole_lines(folder)
        tally.lost += sum(line not in lines for line in kept)
        kept = lines
        if code is not None:
            if code != 0:
                tally.failed.append(f"exit code {code} of {' '.join(command)}: see {log}")
            break
        damage = chance.choice(DAMAGES)
        tally.done[damage.__name__] += 1
        damage(folder, chance)
    assert folder is not None
    tally.stages += len(kept)
    return folder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--suite", type=Path)
    asked = parser.parse_args()
    for heavy in HEAVY:
        importlib.import_module(heavy)
    rating()  # imports codecarbon, without what it prints
    work = Path(tempfile.mkdtemp(prefix="kills-"))
    os.environ["GREENDAPT_CACHE"] = str(work / "cache")
    suite = asked.suite or work / "tiny.toml"
    if asked.suite is None:
        suite.write_text(runpy.run_path(str(TINY))["TINY"], encoding="utf-8")
    bench = ["bench", "--suite", str(suite), "--weights", "fractal"]
    undisturbed, chance, began_s = work / "undisturbed", random.Random(asked.seed), time.monotonic()
    assert run([*bench, "--out", str(undisturbed)], work / "log") == 0, (work / "log").read_text()
    (folder,) = undisturbed.iterdir()
    tally, right = Tally(time.monotonic() - began_s), result(folder)
    while tally.kills < asked.kills and not tally.failed:
        most = min(chance.randint(1, 6), asked.kills - tally.kills)
        ended = one_run(bench, work, most, chance, tally)
        if not tally.failed:
            metrics, weights = result(ended)
            same = metrics == right[0] and weights.items() <= right[1].items()
            tally.different += not same
    print(
        f"{tally.kills} kills of {tally.runs} runs, {tally.stages} records; in between "
        f"{', '.join(f'{count} {name}' for name, count in sorted(tally.done.items()))}"
    )
    print(f"{tally.lost} records lost, {tally.different} runs with other metrics or weights")
    print("\n".join(tally.failed), end="")
    bad = tally.lost or tally.different or tally.failed
    if not bad:
        shutil.rmtree(work)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
