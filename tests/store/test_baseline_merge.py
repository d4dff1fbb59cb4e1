"""Baselines of two branches: merged where each changed its own cells, refused where both did."""

import subprocess
import sys

import pytest

from greendapt.core.figures import Quality
from greendapt.store.baseline_merge import merged
from greendapt.store.baselines import (
    SCHEMA,
    Baseline,
    BaselineError,
    CellBaseline,
    Machine,
    Spread,
    read_baseline,
    write_baseline,
)


def cell(name, flops=100, **seconds):
    noisy = {
        machine: {"wall_s": Spread(mean=s, spread=0.01, repeats=3, quality=Quality.MEASURED)}
        for machine, s in seconds.items()
    }
    return CellBaseline(
        name=(name, "net"), seeds=(0,), exact={"training_flops": flops}, noisy=noisy
    )


def baseline(*cells, data="abc"):
    machines = {name: Machine(says=name) for one in cells for name in one.noisy}
    return Baseline(
        schema=SCHEMA, suite="s", profile="p", data=data, machines=machines, cells=cells
    )


BASE = baseline(cell("a", m1=1), cell("b", m1=2))


def test_each_side_brings_the_cells_that_it_changed():
    ours = baseline(cell("a", 200, m1=3), cell("b", m1=2))
    theirs = baseline(cell("a", m1=1), cell("b", 300, m1=4), cell("c", m1=5))
    made = merged(BASE, ours, theirs)
    assert made == baseline(cell("a", 200, m1=3), cell("b", 300, m1=4), cell("c", m1=5))


def test_a_cell_that_one_side_removed_is_gone():
    made = merged(BASE, baseline(cell("a", m1=1)), BASE)
    assert [one.name[0] for one in made.cells] == ["a"]


def test_two_machines_figures_of_one_cost_come_together():
    ours, theirs = baseline(cell("a", m1=1, m2=7)), baseline(cell("a", m1=1, m3=9))
    made = merged(baseline(cell("a", m1=1)), ours, theirs)
    assert made.cells == (cell("a", m1=1, m2=7, m3=9),)
    assert set(made.machines) == {"m1", "m2", "m3"}


@pytest.mark.parametrize(
    ("ours", "theirs", "what"),
    [
        (baseline(cell("a", 200)), baseline(cell("a", 300)), "cell a/net"),
        (baseline(cell("a", m1=3)), baseline(cell("a", m1=4)), "cell a/net, machine m1"),
        (baseline(cell("a", 200)), baseline(cell("b")), "cell a/net"),
        (baseline(data="x"), baseline(data="y"), "data"),
    ],
)
def test_what_both_changed_is_refused(ours, theirs, what):
    with pytest.raises(BaselineError, match=rf"both sides changed {what} of the baseline: run the"):
        merged(BASE, ours, theirs)


def test_git_merges_with_it(tmp_path):
    """Two branches that would conflict in their seals, by the driver as docs/ci.md sets it up."""

    def git(*words, fine=True):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        done = subprocess.run(
            ["git", *who, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) == fine, done.stdout + done.stderr
        return done.stderr

    def commit(made, message):
        write_baseline(tmp_path / "cost-baseline.toml", made)
        git("add", ".")
        git("commit", "--quiet", "-m", message)

    git("init", "--quiet", "--initial-branch", "main")
    driver = f"{sys.executable} -m greendapt baseline --merge %O %A %B"
    git("config", "merge.greendapt.driver", driver)
    (tmp_path / ".gitattributes").write_text("cost-baseline.toml merge=greendapt\n")
    commit(BASE, "Base")
    git("checkout", "--quiet", "-b", "theirs")
    commit(baseline(cell("a", m1=1), cell("b", 300, m1=4)), "Theirs")
    git("checkout", "--quiet", "main")
    commit(baseline(cell("a", 200, m1=3), cell("b", m1=2)), "Ours")
    git("merge", "--quiet", "theirs")
    both = baseline(cell("a", 200, m1=3), cell("b", 300, m1=4))
    assert read_baseline(tmp_path / "cost-baseline.toml") == both
    git("checkout", "--quiet", "-b", "again", "HEAD~1")
    commit(baseline(cell("a", m1=1), cell("b", 500, m1=4)), "Again")
    assert "both sides changed cell b/net" in git("merge", "main", fine=False)
    assert read_baseline(tmp_path / "cost-baseline.toml").cells[1] == cell("b", 500, m1=4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--merge", "a", "b", "c", "--out", "x"], "takes three files, and no RUN"),
        (["--out", "x"], "give the RUN to keep, and --out FILE"),
        (["run"], "give the RUN to keep, and --out FILE"),
    ],
)
def test_what_is_asked_wrongly_is_one_sentence(greendapt, options, said):
    done = greendapt("baseline", *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1
