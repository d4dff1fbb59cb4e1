"""The script for a machine with a card: it passes without one, and its parts do what they say."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.meter.conftest import standin, standin_library  # noqa: F401

SCRIPT = Path(__file__).with_name("card_report.py")


@pytest.fixture(scope="module")
def parts():
    """The script's modules, as it imports them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPT.parent))
        import checks
        import energy_checks
        import speed_checks

        yield checks, energy_checks, speed_checks
        for name in ("checks", "energy_checks", "speed_checks"):
            del sys.modules[name]


@pytest.fixture
def bench(parts, tmp_path):
    return parts[0].Bench("cpu", tmp_path, time.monotonic() + 60, tiny=True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a card")
@pytest.mark.e2e
def test_without_a_card_it_passes_and_says_what_it_skipped(tmp_path):
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    table = json.loads((tmp_path / "card.json").read_text())
    by_name = {one["name"]: one for one in table["checks"]}
    assert len(by_name) == 11
    assert by_name["window overhead"]["status"] == "done"
    assert by_name["window overhead"]["figures"]["a window, ms"] > 0
    skipped = [one for one in by_name.values() if one["status"] == "skipped"]
    assert len(skipped) == 10
    assert all("torch sees 0" in one["why"] for one in skipped)
    text = (tmp_path / "card.md").read_text()
    assert "| window overhead | a window, ms |" in text
    assert "- two ranks by NCCL: it needs 2 cards, and torch sees 0" in text
    assert done.stdout.strip() == text.strip()


@pytest.mark.parametrize("name", ["steps", "prefixes", "memory", "pipeline"])
@pytest.mark.usefixtures("one_thread")
def test_a_speed_check_on_small_networks(parts, bench, name):
    figures = getattr(parts[2], name)(bench)
    assert figures
    for value in figures.values():
        numbers = value.values() if isinstance(value, dict) else [value]
        assert all(one > 0 for one in numbers if isinstance(one, float))


def test_the_counter_against_sampled_power_of_a_driver_that_is_not_there(
    parts,
    bench,
    standin,  # noqa: F811
):
    standin()
    figures = parts[1].counter_against_power(bench)
    assert list(figures) == ["idle", "a third", "two thirds", "full"]
    for one in figures.values():
        assert one["W"] > 0
        assert one["counter over integrated"] == pytest.approx(1.0, abs=0.5)  # half a second each


def test_a_check_that_fails_stops_none_and_one_without_time_is_skipped(parts, bench):
    checks = parts[0]

    def fail(_bench):
        raise RuntimeError("no\nway")

    outcomes = checks.run(
        [
            checks.Check("a", fail, 1, cards=0),
            checks.Check("b", lambda _: {"x": 1.5}, 1, cards=0),
            checks.Check("c", lambda _: {}, 1e6, cards=0),
        ],
        bench,
    )
    assert [one.status for one in outcomes] == ["failed", "done", "skipped"]
    assert outcomes[0].why == "RuntimeError: no way"
    assert "it needs 1e+06" in outcomes[2].why
    text = checks.as_markdown("t", outcomes)
    assert "| b | x | 1.5 |" in text
    assert "## Failed\n\n- a: RuntimeError: no way" in text
