"""A stored prefix: believed only if it is whole, and what happens where it is not."""

import json

import pytest
import torch

from greendapt.core.errors import RunError
from greendapt.run.context import PREFIX, Context
from greendapt.run.prepare import prepare_session
from greendapt.store.run import RunFolder
from greendapt.suite.suite_files import load


@pytest.fixture
def bench(tiny, tmp_path, undone):  # noqa: ARG001
    """``bench(**changes)``: a context of the tiny suite, and its last phase with a prefix."""

    def build(**changes):
        changes.setdefault("run", {})["strategies"] = ["partial"]
        session = prepare_session(load(tiny, changes=[changes]), lambda _said: None)
        folder = RunFolder.create(tmp_path, "tiny")
        made = Context(session.suite, session.data, folder, session.engine, session.generic)
        phase = next(s for s in reversed(session.plan[0].stages) if getattr(s, "prefix", None))
        return made, phase

    return build


def test_what_is_read_is_what_the_backbone_gives(bench):
    made, phase = bench()
    outcome = phase.prefix.run(made)
    stored, remade = phase.prefix.read(made)
    backbone = made.backbone(phase.start, ())
    pixels = torch.from_numpy(made.data.pool.gather())
    with torch.no_grad():
        last = len(backbone.units) - 1
        assert torch.equal(stored.activations, backbone.prefix(backbone.prepare(pixels), last))
    assert outcome.details.cached_bytes == stored.activations.nbytes
    assert (remade.training_flops, remade.details.warning) == (0, None)


@pytest.mark.parametrize("damage", ["bit", "torn", "gone", "manifest"])
def test_a_damaged_prefix_is_made_again_with_a_warning(bench, damage):
    made, phase = bench()
    first = phase.prefix.run(made)
    before = phase.prefix.read(made)[0].activations.clone()
    path = made.folder.checkpoint(phase.prefix.key) / PREFIX
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    match damage:
        case "bit":
            path.write_bytes(data)
        case "torn":
            path.write_bytes(data[:-100])
        case "gone":
            path.unlink()
        case "manifest":
            path.with_suffix(".json").write_text("{")
    stored, remade = phase.prefix.read(made)
    assert torch.equal(stored.activations, before)
    assert "made again" in remade.details.warning
    assert remade.training_flops == first.training_flops, "what it took is charged"
    assert phase.prefix.read(made)[1].details.warning is None


def test_a_disk_that_takes_no_more_is_the_plain_way_and_leaves_nothing(bench, small_files):
    made, phase = bench()
    small_files(8192)
    outcome = phase.prefix.run(made)
    assert "File too large" in outcome.details.warning
    assert "run the plain way" in outcome.details.warning
    assert outcome.details.stored is False
    assert not [*(made.folder.path / "checkpoints").iterdir()]
    assert phase.prefix.read(made)[0] is None


def test_a_bank_that_cannot_be_stored_has_no_plain_way(bench):
    phases = [{"use": "adapt", "train": "last:1", "augmentation": "light", "bank": 2}]
    made, phase = bench(strategy={"partial": {"phases": phases}}, run={"prefix_cache_gb": 1e-6})
    with pytest.raises(RunError, match="a bank of 2 views needs a stored prefix"):
        phase.prefix.run(made)


def test_changed_images_weights_or_size_have_another_prefix(bench):
    keys = {
        json.dumps(change): bench(**change)[1].prefix.key
        for change in (
            {},
            {"data": {"pool": {"seed": 5}}},
            {"model": {"weights": "fractal"}},
            {"model": {"image_size": 48}},
        )
    }
    assert len(set(keys.values())) == 4
