"""Options of adaptation, and weights of another library, as a user gives them."""

import json

import pytest
import torch

from greendapt.models.backbone import create_backbone

pytestmark = pytest.mark.e2e


def test_a_plan_of_twice_the_epochs_takes_twice_the_work(greendapt, tiny):
    def flops(*options):
        asked = ("--suite", tiny, "--strategies", "full", "--device", "h100", "--json")
        said = greendapt("plan", *asked, *options)
        assert said.code == 0, said.err
        stages = json.loads(said.out)["plan"]["stages"]
        return [
            sum(one["flops"] for one in stages if one["kind"] == kind)
            for kind in ("adapt", "probe")
        ]

    adapt, probe = flops("--epochs", 2)
    assert adapt > 0 < probe
    assert flops() == [adapt, probe]
    assert flops("--epochs", 4, "--lr", 0.01) == [pytest.approx(2 * adapt), probe]


@pytest.mark.parametrize("command", ["bench", "plan", "recommend"])
@pytest.mark.parametrize("wrong", [("--epochs", 0), ("--batch-size", 0), ("--lr", -1)])
def test_what_no_phase_could_be_is_refused(greendapt, tiny, tmp_path, command, wrong):
    said = greendapt(command, "--suite", tiny, "--out", tmp_path / "runs", *wrong)
    assert said.code == 2
    assert "Traceback" not in said.err
    assert wrong[0] in said.err or "phase.head.learning_rate" in said.err
    assert not (tmp_path / "runs").exists()


def test_a_run_on_a_checkpoint_says_once_what_it_took(greendapt, tiny, tmp_path, only_run):
    torch.manual_seed(0)
    state = create_backbone("test_resnet", image_size=32).net.state_dict()
    path = tmp_path / "secret_name.pth"
    student = {f"student.module.{name}": 0 * tensor for name, tensor in state.items()}
    torch.save(student | {f"teacher.{name}": tensor for name, tensor in state.items()}, path)
    asked = ("--suite", tiny, "--strategies", "none", "--weights", path)
    done = greendapt("bench", *asked, "--out", tmp_path / "runs")
    assert done.code == 0, done.err
    taken = f"Weights of test_resnet: {len(state)} tensors of the file's {2 * len(state)} under"
    assert done.err.count(taken) == 1
    run = only_run(tmp_path / "runs")
    notes = [note["text"] for note in json.loads((run / "run.json").read_text())["notes"]]
    assert [note for note in notes if note.startswith(taken)]
    assert "secret_name" not in (run / "records.jsonl").read_text(encoding="utf-8")
    assert "tensors of the file" in (run / "report.html").read_text(encoding="utf-8")
