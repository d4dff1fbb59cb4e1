"""This project's own gate: the smoke suite costs what reports/baselines says, to the FLOP."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

BASELINE = Path(__file__).parents[2] / "reports" / "baselines" / "chestxray-smoke.toml"
AGAIN = f"""
Meant? Write the baseline again and review the difference:
  greendapt bench --suite chestxray --profile smoke --no-fast-step
  greendapt baseline RUN --tiers exact --out reports/baselines/{BASELINE.name}
"""


def test_the_smoke_suite_costs_what_it_did(greendapt, tmp_path, only_run):
    suite = ("--suite", "chestxray", "--profile", "smoke", "--no-fast-step")
    done = greendapt("bench", *suite, "--out", tmp_path)
    assert done.code == 0, done.err
    done = greendapt("check", only_run(tmp_path), "--baseline", BASELINE, "--tiers", "exact")
    assert done.code == 0, done.out + done.err + AGAIN
    assert len(done.out.splitlines()) == 6
