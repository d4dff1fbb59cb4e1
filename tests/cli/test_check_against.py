"""``greendapt check --against``: two states of a repository, run in turn."""

import json
import subprocess

import pytest

pytestmark = pytest.mark.e2e

ONE = "--strategies partial --set evaluation.corruptions=[]"
ANY_NOISE = ("--limit", "time=1e12%", "--limit", "energy=1e12%", "--limit", "memory=1e6%")


@pytest.fixture
def repository(tiny, tmp_path):
    """A suite under version control, in a folder of its own."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "suite.toml").write_bytes(tiny.read_bytes())

    def git(*arguments):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "A suite")
    return root


def against(shell, root, *more, ref="HEAD", suite="suite.toml"):
    return shell(
        *("check", "--against", ref, "--suite", suite, "--bench", ONE, "--out", root.parent / "r"),
        *("--pairs", "2", "--json", *more),
        cwd=root,
    )


def worktrees(root):
    done = subprocess.run(
        ["git", "worktree", "list"], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def test_the_same_state_passes_in_two_pairs(shell, repository):
    done = against(shell, repository, *ANY_NOISE)
    assert done.code == 0, done.out + done.err
    found = json.loads(done.out)
    assert {v["tier"] for v in found["verdicts"]} == {"exact", "noisy", "accuracy"}
    sides = [line.split(":")[0] for line in done.err.splitlines()]
    assert sides == ["pair 1, base", "pair 1, head", "pair 2, head", "pair 2, base"]
    assert found["base"].startswith("HEAD (")
    assert len(worktrees(repository)) == 1


def test_one_more_epoch_than_at_the_ref_is_a_regression(shell, repository):
    suite = repository / "suite.toml"
    text = suite.read_text(encoding="utf-8")
    suite.write_text(text.replace('train = "all"\nepochs = 2', 'train = "all"\nepochs = 3'))
    done = against(shell, repository)
    assert done.code == 1, done.out + done.err
    failed = [v for v in json.loads(done.out)["verdicts"] if v["outcome"] == "regression"]
    assert {v["figure"] for v in failed} == {"training_flops", "optimizer_steps", "samples"}
    assert failed[0]["sentence"].startswith("partial now costs ")
    assert "pair 2" not in done.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ref": "nowhere"}, "--against nowhere: git knows no such commit here; git fetch it"),
        ({"suite": "new.toml"}, "HEAD ("),  # the suite is not there
    ],
)
def test_what_cannot_be_run_is_said(shell, repository, change, said):
    (repository / "new.toml").write_bytes((repository / "suite.toml").read_bytes())
    done = against(shell, repository, **change)
    assert done.code == 2
    assert said in done.err.splitlines()[-1]
    assert len(worktrees(repository)) == 1


def test_outside_a_repository(shell, tmp_path):
    done = against(shell, tmp_path)
    assert done.code == 2
    assert "--against needs a git repository" in done.err


def test_a_run_and_a_ref_are_not_given_together(shell, tmp_path):
    done = shell("check", tmp_path, "--against", "HEAD")
    assert done.code == 2
    assert "give RUN and --baseline FILE, or --against GIT_REF alone" in done.err
