"""``publish --check`` and ``reproduce --run`` end with the exit code that a job reads."""

from pathlib import Path

REPORTS = Path(__file__).parents[2] / "reports"


def test_our_reports_are_in_order(in_process):
    done = in_process("publish", "--check", REPORTS)
    assert (done.code, done.err) == (0, "nothing is wrong\n")


def test_a_problem_a_line_and_exit_code_2(in_process, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "report.md").write_text("x")
    done = in_process("publish", "--check", tmp_path)
    (line,) = done.err.splitlines()
    assert done.code == 2
    assert line.startswith("greendapt: ")
    assert "has no published.json" in line


def test_a_run_is_asked_whether_it_is_the_published_one(in_process, finished_run, tmp_path):
    site = tmp_path / "site"
    assert in_process("publish", finished_run, "--to", site, "--name", "mine").code == 0
    assert in_process("reproduce", site / "mine", "--run", finished_run).code == 0
    assert in_process("reproduce", site / "mine").err.endswith("is not in .; see --data-in\n")
    said = f"greendapt: {site} is no published report: it has no published.json\n"
    assert in_process("reproduce", site).err == said
    done = in_process("reproduce", REPORTS / "chestxray-least-work", "--run", finished_run)
    assert done.code == 1
    assert "published" in done.out


def test_a_report_is_run_again(greendapt, in_process, tiny, finished_run, tmp_path):
    site = tmp_path / "site"
    assert in_process("publish", finished_run, "--to", site, "--name", "mine").code == 0
    runs = tmp_path / "runs"
    done = greendapt("reproduce", site / "mine", "--data-in", tiny.parent, "--out", runs, "-q")
    assert done.code == 0, done.err
    assert "has the verdicts and the training FLOPs of" in done.err
    assert len(list(runs.glob("mine-*/summary.json"))) == 1
