"""Whole runs on a card: bench end to end with measured energy, and two ranks by NCCL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from checks import Bench, Figures, Skip

_TAIL = 300


def smoke(bench: Bench) -> Figures:
    return _bench(bench, [sys.executable, "-m", "greendapt"], "smoke", "--seeds", "1")


def default(bench: Bench) -> Figures:
    """With the fewest seeds that the suite has."""
    return _bench(bench, [sys.executable, "-m", "greendapt"], "default", "--seeds", "3")


def two_ranks(bench: Bench) -> Figures:
    """The smoke profile by two processes, a card each."""
    launcher = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "greendapt",
    ]  # fmt: skip
    return _bench(bench, launcher, "smoke", "--seeds", "1")


def _bench(bench: Bench, program: Sequence[str], profile: str, *more: str) -> Figures:
    out = bench.folder / f"runs-{profile}-{len(program)}"
    command = [
        *program, "bench", "--suite", "chestxray", "--profile", profile, "--device", bench.device,
        "--out", str(out), "--json", *more,
    ]  # fmt: skip
    limit_s = max(1.0, bench.left_s)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise Skip(f"it was not done in the {limit_s:.0f} s that were left") from error
    if done.returncode:
        raise RuntimeError(f"exit {done.returncode}: {done.stderr[-_TAIL:]}")
    summary = json.loads(done.stdout.splitlines()[-1])["summary"]
    spent = summary["spent"]
    return {
        "cells": len(summary["rows"]),
        "seconds": spent["wall_s"]["value"],
        "energy, J": spent["energy_j"]["value"],
        "energy is": spent["energy_j"]["quality"],
        "of the card": spent["energy_gpu_j"]["quality"],
        "energy in parts": {
            part: spent[f"energy_{part}_j"]["value"] for part in ("gpu", "cpu", "dram")
        },
    }
