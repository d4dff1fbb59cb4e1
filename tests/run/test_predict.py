"""Predicted FLOPs of every kind of stage are those of its record, to the last one."""

import pytest

from greendapt.meter import Meter
from greendapt.run.plan import stages
from greendapt.run.prepare import prepare_session
from greendapt.run.progress import PlainReporter
from greendapt.run.scheduler import Scheduler
from greendapt.run.workers.claims import Claims
from greendapt.store.run import RunFolder
from greendapt.suite import suite_files

CASES = {
    "fractal weights, probes, few shots": [
        {"model": {"weights": "fractal"}, "run": {"shots": [3, "full"], "seeds": 2}},
    ],
    "no stored prefix": [{"run": {"prefix_cache": False}}],
    "fine-tuning of the last block": [
        {"run": {"transfers": ["finetune"]}, "transfer": {"finetune": {"train": "last:1"}}},
    ],
    "a bank of views, the last epoch kept": [
        {"phase": {"head": {"augmentation": "light", "bank": 2}, "adapt": {"select": "last"}}},
    ],
    "a stop rule that never stops, on robustness": [
        {
            "run": {"strategies": ["full"]},
            "phase": {
                "adapt": {
                    "epochs": 3,
                    "stop": {"rule": "patience", "on": "robustness", "looks": 9, "every": 2},
                }
            },
        },
    ],
    "scores that are tracked": [
        {
            "run": {"strategies": ["full"]},
            "phase": {
                "adapt": {
                    "epochs": 3,
                    "select": "last",
                    "watch": {"on": ["val_loss", "robustness"], "every": 2},
                }
            },
        },
    ],
    "simclr": [
        {
            "run": {"strategies": ["full"]},
            "phase": {"head": {"objective": "simclr"}, "adapt": {"objective": "simclr"}},
        },
    ],
    "masked images, a CNN and a transformer": [
        {
            "model": {"backbones": ["test_resnet", "test_vit"]},
            "run": {"strategies": ["full"]},
            "phase": {"head": {"objective": "simmim"}, "adapt": {"objective": "simmim"}},
        },
    ],
    "self-distillation, a CNN and a transformer, a phase in parts": [
        {
            "model": {"backbones": ["test_resnet", "test_vit"], "image_size": 64},
            "run": {"strategies": ["full"]},
            "strategy": {"full": {"phases": ["adapt"]}},
            "phase": {
                "adapt": {
                    "objective": {"name": "dino", "local_views": 2, "outputs": 32, "hidden": 16},
                    "select": "last",
                    "save_every": 1,
                }
            },
        },
    ],
    "masks": [
        {
            "run": {"strategies": ["partial"], "transfers": ["unet"]},
            "transfer": {"unet": {"kind": "segment", "epochs": 1, "learning_rate": 1e-3}},
        },
    ],
}


@pytest.fixture(scope="module")
def meter():
    opened = Meter(device="cpu")
    yield opened
    opened.close()


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize("changes", CASES.values(), ids=CASES.keys())
def test_the_flops_of_each_stage_are_known_before_it_runs(changes, tiny, tmp_path, meter):
    session = prepare_session(suite_files.load(tiny, changes=changes), lambda _: None)
    folder = RunFolder.create(tmp_path, "tiny")
    context, planned = session.context(folder), stages(session.plan)
    predicted = {stage.key: stage.effort(context) for stage in planned}
    records = Scheduler(context, meter, PlainReporter(), Claims(folder.claims)).run(planned)
    assert records.keys() == predicted.keys()
    for key, record in records.items():
        assert record.status == "done", record.error
        assert predicted[key].flops == record.figures["training_flops"].value, record.label
        assert predicted[key].steps == getattr(record.details, "steps", 0), record.label
