"""Runs of this working tree and of another state of it, each with its own code and suites."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from greendapt.core.errors import GreendaptError
from greendapt.core.units import duration

_CELL_FAILED = 4


@dataclass(frozen=True)
class Tree:
    """A checkout; ``name`` is how it is called in what is said."""

    name: str
    root: Path


@contextmanager
def trees(ref: str) -> Iterator[tuple[Tree, Tree]]:
    """The working tree's state at ``ref``, checked out elsewhere for now, and the tree itself.

    Raises GreendaptError outside a repository, and where git does not know ``ref``.
    """
    root = Path(_git("rev-parse", "--show-toplevel", fails="--against needs a git repository"))
    commit = _git(
        "rev-parse",
        "--verify",
        "--quiet",
        f"{ref}^{{commit}}",
        fails=f"--against {ref}: git knows no such commit here; git fetch it first (a CI checkout "
        "is often shallow)",
    )
    with tempfile.TemporaryDirectory(prefix="greendapt-") as folder:
        base = Path(folder) / "base"
        _git("worktree", "add", "--detach", str(base), commit, fails=f"cannot check out {ref}")
        try:
            yield Tree(f"{ref} ({commit[:8]})", base), Tree("this tree", root)
        finally:
            _git("worktree", "remove", "--force", str(base), fails=f"cannot remove {base}")


@dataclass(frozen=True)
class Pairs:
    """Runs of a suite in pairs, base and head in turn first: A B B A.

    ``options`` are those of ``greendapt bench``; run folders go to ``out``, by side.
    """

    base: Tree
    head: Tree
    suite: str
    options: Sequence[str]
    out: Path
    say: Callable[[str], None]

    def run(self, number: int) -> tuple[Path, Path]:
        """The run folders of one pair. Raises GreendaptError where a side cannot be run."""
        order = (self.base, self.head) if number % 2 == 0 else (self.head, self.base)
        done = {tree.name: self._bench(tree, number) for tree in order}
        return done[self.base.name], done[self.head.name]

    def _bench(self, tree: Tree, number: int) -> Path:
        side = "base" if tree is self.base else "head"
        begun_s = time.monotonic()
        done = subprocess.run(
            [
                *(sys.executable, "-P", "-m", "greendapt", "bench", "--json"),
                *("--suite", self._suite_of(tree), "--out", str(self.out / side), *self.options),
            ],
            env={**os.environ, "PYTHONPATH": _search_path(tree.root)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, _CELL_FAILED):
            last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise GreendaptError(
                f"{tree.name}: greendapt bench ended with {done.returncode}: {last[0]}"
            )
        self.say(f"pair {number + 1}, {side}: {duration(time.monotonic() - begun_s)}")
        return Path(json.loads(done.stdout)["run"])

    def _suite_of(self, tree: Tree) -> str:
        """A suite's file as it is in that tree; a name, or a file outside, as it is."""
        path = Path(self.suite).resolve()
        if path.is_file() and path.is_relative_to(self.head.root):
            return str(tree.root / path.relative_to(self.head.root))
        return self.suite


def _search_path(root: Path) -> str:
    """The tree's own packages go before installed ones."""
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(root / "src"), str(root), *([before] if before else [])])


def _git(*arguments: str, fails: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise GreendaptError(f"{fails}: git cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:]
        raise GreendaptError(": ".join([fails, *last]))
    return done.stdout.strip()
