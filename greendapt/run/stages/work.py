"""How each kind of stage is done. Every function reads its parents' files and writes its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from greendapt.core.keys import seed_of
from greendapt.core.records import Kind
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network, mlp, params
from greendapt.run.context import Judge, TestSet, Workbench, head_widths
from greendapt.run.plan import Stage
from greendapt.run.stages import phase_looks, prefix, segment
from greendapt.run.stages.base import OnProgress, Outcome, trained_outcome
from greendapt.suite.datasets import Split
from greendapt.suite.recipes import FineTune, Phase, Probe, Segment
from greendapt.train import inputs
from greendapt.train.cost import forward_flops, head_cost
from greendapt.train.engine import predict
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.train.phase import train_phase
from greendapt.train.prefix import activations, feature_size
from greendapt.transfer.metrics import judge
from greendapt.transfer.probe import make_head, train_probe

_SPLITS: tuple[Split, ...] = ("train", "val")


def do(
    bench: Workbench,
    stage: Stage,
    on_progress: OnProgress,
    energy_j: Callable[[], float | None],
) -> Outcome:
    """Do the stage and leave its files; deterministic for a given suite, seed and device, but for
    a budget of time or energy. ``energy_j`` is what the stage has spent so far."""
    bench = bench.of(stage)
    torch.manual_seed(seed_of(stage.key))
    with bench.engine_of(stage).step.threaded():
        if stage.kind == "adapt":
            return adapt(bench, stage, on_progress, energy_j)
        return _WORK[stage.kind](bench, stage, on_progress)


def adapt(
    bench: Workbench,
    stage: Stage,
    on_progress: OnProgress,
    energy_j: Callable[[], float | None],
) -> Outcome:
    """One phase of DAPT on the pool, or some epochs of it."""
    phase = stage.phase
    assert phase is not None
    train, val = bench.pool
    backbone = bench.backbone(stage.start, stage.parents)
    with bench.ranks.first_goes():
        stored, remade = prefix.read(bench, stage)
    network = Network(
        backbone,
        _pool_head(bench, stage, phase, feature_size(backbone, bench.suite.model.image_size)),
    )
    watched = phase_looks.watch(bench, stage, backbone, energy_j)
    training = Training(
        loss=LOSSES["simclr" if phase.objective == "simclr" else bench.data.pool.task],
        seed=seed_of(f"adapt {stage.position} {stage.seed}"),
        engine=bench.engine_of(stage),
        on_progress=on_progress,
        state=bench.state(stage.earlier) if stage.earlier else None,
        watch=watched.watch,
    )
    network.to(bench.engine.device)
    trained = train_phase(network, train, val, phase, training, stored=stored)
    state = trained.fit.state if stage.goes_on else None
    bench.save(stage.key, backbone, network.head, state)
    done = trained_outcome(trained, images=len(train))
    looked = watched.outcome()
    return replace(
        done,
        training_flops=done.training_flops + remade.training_flops + looked.training_flops,
        details=done.details | remade.details | looked.details,
    )


def features(bench: Workbench, stage: Stage, on_progress: OnProgress) -> Outcome:
    """Pooled features of the development images that train and choose heads."""
    backbone = bench.backbone(stage.start, stage.parents)
    parts = {split: bench.data.development.part(split) for split in _SPLITS}
    stored: dict[str, Tensor] = {}
    for number, (split, images) in enumerate(parts.items(), start=1):
        units = len(backbone.units)
        stored[split] = activations(backbone, inputs.of(images), units, bench.engine_of(stage))
        on_progress(number / len(parts))
    bench.save_tensors(stage.key, stored)
    done = _forwarded(bench, backbone, sum(map(len, stored.values())))
    return replace(done, details=done.details | {"params": params(backbone)})


def test_features(bench: Workbench, stage: Stage, on_progress: OnProgress) -> Outcome:
    """Pooled features of everything heads are judged on."""
    backbone = bench.backbone(stage.start, stage.parents)
    stored = {}
    for test in bench.tests():
        units = len(backbone.units)
        stored[test.name] = activations(backbone, test.pixels(), units, bench.engine_of(stage))
        on_progress(len(stored) / _test_sets(bench))
    bench.save_tensors(stage.key, stored)
    return _forwarded(bench, backbone, sum(map(len, stored.values())))


def probe(bench: Workbench, stage: Stage, on_progress: OnProgress) -> Outcome:
    """An MLP head on the stored features."""
    spec = stage.transfer
    assert isinstance(spec, Probe)
    stored = bench.features(stage.parents[0])

    def examples(split: Split) -> Examples:
        rows = torch.from_numpy(bench.downstream(split, stage))
        return Examples(stored[split][rows], bench.development(split, stage).targets)

    train, val = map(examples, _SPLITS)
    development = bench.data.development
    seed = seed_of(f"head {stage.seed}")
    seen = train.inputs
    assert isinstance(seen, Tensor)
    head = make_head(spec, seen, len(development.classes), seed)
    training = Training(LOSSES[development.task], seed, bench.engine, on_progress)
    trained = train_probe(head, train, val, spec, training)
    bench.save(stage.key, None, head)
    done = trained_outcome(trained, images=len(train))
    return replace(done, details=done.details | {"params": params(head)})


def finetune(bench: Workbench, stage: Stage, on_progress: OnProgress) -> Outcome:
    """A linear head, or a U-Net's decoder, and the backbone, trained together on the development
    images."""
    spec = stage.transfer
    if isinstance(spec, Segment):
        return segment.segment(bench, stage, spec, on_progress)
    assert isinstance(spec, FineTune)
    train, val = (bench.development(split, stage) for split in _SPLITS)
    backbone = bench.backbone(stage.start, stage.parents)
    outputs = len(bench.data.development.classes)
    seed = seed_of(f"head {stage.seed}")
    network = Network(
        backbone, mlp(feature_size(backbone, bench.suite.model.image_size), (), outputs, seed)
    )
    training = Training(
        LOSSES[bench.data.development.task], seed, bench.engine_of(stage), on_progress
    )
    network.to(bench.engine.device)
    cache = bench.suite.run.prefix_cache
    trained = train_phase(network, train, val, spec, training, cache=cache)
    bench.save(stage.key, backbone, network.head)
    done = trained_outcome(trained, images=len(train))
    return replace(done, details=done.details | {"params": params(network)})


def evaluate(bench: Workbench, stage: Stage, on_progress: OnProgress) -> Outcome:
    """Metrics on the development test part, every external set, and corrupted copies."""
    judged_of, flops = _judged_by(bench, stage)
    result: dict[str, Any] = {"development": {}, "external": {}, "corrupted": {"by": {}}}
    score = "dice" if isinstance(stage.transfer, Segment) else "auc"
    images = 0
    for number, test in enumerate(bench.tests(), start=1):
        role, _, name = test.name.partition(":")
        draws = 0 if role == "corrupted" else bench.suite.evaluation.bootstrap
        judged = judged_of(test, draws)
        if role == "development":
            result[role] = judged
        elif role == "external":
            result[role][name] = judged
        else:
            result[role]["by"][name] = {score: judged[score]}
        images += len(test.images)
        on_progress(number / _test_sets(bench))
    result["corrupted"][score] = _mean(result["corrupted"]["by"], score)
    return Outcome(flops * images, metrics=result)


_WORK: dict[Kind, Callable[[Workbench, Stage, OnProgress], Outcome]] = {
    Kind.PREFIX: prefix.store,
    Kind.FEATURES: features,
    Kind.TEST_FEATURES: test_features,
    Kind.PROBE: probe,
    Kind.FINETUNE: finetune,
    Kind.EVALUATE: evaluate,
}


def _pool_head(bench: Workbench, stage: Stage, phase: Phase, width: int) -> nn.Module:
    """The head of the phase before where it has the same objective; else a new one."""
    *hidden, outputs = head_widths(phase, len(bench.data.pool.classes))
    head = mlp(width, hidden, outputs, seed_of(f"{stage.seed}"))
    before = stage.parents[0] if stage.parents else None
    if before and before.phase and before.phase.objective == phase.objective:
        return bench.load_head(before, head)
    return head


def _judged_by(bench: Workbench, stage: Stage) -> tuple[Judge, int]:
    """How a set is judged, with so many bootstrap draws, and the FLOPs an image."""
    if isinstance(stage.transfer, Segment):
        return segment.judged_by(bench, stage)
    logits_of, flops = _logits_by(bench, stage)
    classes = bench.data.development.classes

    def judged(test: TestSet, draws: int) -> dict[str, Any]:
        targets = torch.from_numpy(test.images.targets)
        return judge(logits_of(test), targets, test.images.patients, classes, bootstrap=draws)

    return judged, flops


def _logits_by(bench: Workbench, stage: Stage) -> tuple[Callable[[TestSet], Tensor], int]:
    """How a set becomes logits, and the FLOPs an image."""
    trained = stage.parents[0]
    outputs = len(bench.data.development.classes)
    if isinstance(stage.transfer, Probe):
        stored = bench.features(stage.parents[1])
        width = stored["development"].shape[1]
        empty = make_head(stage.transfer, torch.zeros(2, width), outputs, 0)
        head = bench.load_head(trained, empty).eval()
        return (
            lambda test: predict(head, stored[test.name], bench.engine),
            head_cost(head, width).forward,
        )
    backbone = bench.backbone(stage.start, stage.parents)
    head = bench.load_head(
        trained, mlp(feature_size(backbone, bench.suite.model.image_size), (), outputs, 0)
    ).eval()
    engine = bench.engine_of(stage)
    network = Network(backbone, head).to(engine.device).eval()
    return (
        lambda test: predict(lambda x: network(backbone.prepare(x)), test.pixels(), engine),
        forward_flops(backbone, bench.suite.model.image_size),
    )


def _forwarded(bench: Workbench, backbone: Backbone, images: int) -> Outcome:
    flops = forward_flops(backbone, bench.suite.model.image_size)
    return Outcome(flops * images, details={"images": images})


def _test_sets(bench: Workbench) -> int:
    evaluation = bench.suite.evaluation
    corrupted = len(evaluation.corruptions) * len(evaluation.severities)
    return 1 + len(bench.data.external) + corrupted


def _mean(by: dict[str, dict[str, float | None]], score: str) -> float | None:
    values = [value for entry in by.values() if (value := entry[score]) is not None]
    return sum(values) / len(values) if values else None
