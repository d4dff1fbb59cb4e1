"""From a suite to a session: everything that can be checked before a folder is made."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from greendapt.accounting.hourly import GridAsked
from greendapt.core.keys import key_of
from greendapt.core.records import PAID
from greendapt.core.remarks import Gravity, Remark, note, ranked, weak
from greendapt.core.units import duration
from greendapt.data.imageset import ImageSet
from greendapt.data.prepared import Task, prepare
from greendapt.data.splits import few_shot
from greendapt.models.backbone import check_backbone, check_own
from greendapt.run.ground import Digests
from greendapt.run.packed_data import packs
from greendapt.run.plan import Cell, cells, stages
from greendapt.run.process import tune
from greendapt.run.session import Session
from greendapt.run.stages import pretrain
from greendapt.run.stages.phase_looks import check_stops
from greendapt.run.step_choice import chosen as chosen_steps
from greendapt.stats.racing import waves
from greendapt.store.run import RunFolder
from greendapt.store.runinfo import RunInfo
from greendapt.suite.models import Suite
from greendapt.suite.own_code import require
from greendapt.train.engine import Engine

_WORTH_A_WORD_S = 10.0


def prepare_session(
    suite: Suite, say: Callable[[str], None], before: RunInfo | None = None
) -> Session:
    """Check everything that can be checked before a folder is made: errors come here.

    ``before``: of a run that goes on.
    """
    own = require(suite)
    tune()
    engine = Engine.on(suite.run.device)
    chosen = GridAsked.of(suite.carbon)
    chosen.of_work([])  # an unknown region is told before the data are read
    for backbone in suite.model.backbones:
        check_backbone(backbone)
        check_own(backbone, suite.model.image_size)
    nothing = Digests({}, {}, dict.fromkeys(suite.model.backbones, ""))
    check_models(cells(suite, nothing), suite.model.image_size)
    generic = {name: pretrain.resolve(suite, name) for name in suite.model.backbones}
    say("reading the data, and looking for copies in it")
    kept = packs(say, str(engine.device)) if suite.run.pack else None
    begun_s = time.process_time()
    data = prepare(suite, suite.model.image_size, kept)
    took_s = time.process_time() - begun_s
    for task in data.tasks.values():
        check_stops(suite, task.development.task)
    scarce = [one for task in data.tasks.values() for one in _scarce(suite, task.development)]
    taken = [note(one.account) for one in generic.values() if one.account]
    data = replace(data, notes=ranked([*data.notes, *scarce, *taken, *_reading(took_s)]))
    for remark in data.notes:
        say(str(remark) if remark.gravity is Gravity.NOTE else f"! {remark}")
    steps = chosen_steps(suite, engine.device, before.steps if before else {}, say)
    digests = Digests(
        pools={name: pool.digest for name, pool in data.pools.items()},
        tasks={name: _digests(task) for name, task in data.tasks.items()},
        weights={name: one.identity for name, one in generic.items()},
        precisions={name: trial.step.arithmetic for name, trial in steps.items()},
        own=own,
    )
    session = Session(
        *(suite, data, cells(suite, digests), engine, chosen, generic, steps),
        entering=[suite.run.strategies],
    )
    for stage in stages(session.plan):
        stage.check_data(session.context(RunFolder(Path())))
    return _racing(session) if suite.run.is_race else session


def _racing(session: Session) -> Session:
    """Strategies enter by what one seed of them costs, and run in that order."""
    context, first = session.context(RunFolder(Path())), session.suite.run.base_seed
    flops: dict[str, float] = dict.fromkeys(session.suite.run.strategies, 0.0)
    for cell in session.plan:
        if cell.seed == first:
            own = (stage for stage in cell.stages if stage.role in PAID)
            flops[cell.strategy] += sum(stage.effort(context).flops for stage in own)
    order = sorted(flops, key=lambda name: flops[name])
    plan = sorted(session.plan, key=lambda cell: (cell.seed, order.index(cell.strategy)))
    entering = waves({name: flops[name] for name in order})
    return replace(session, plan=plan, entering=entering)


def check_models(planned: list[Cell], image_size: int) -> None:
    """Build and run every cut, address every phase, on the meta device; ModelError where one
    cannot."""
    for stage in stages(planned):
        stage.check(image_size)


def _digests(task: Task) -> tuple[str, str]:
    outside = key_of(sets={name: one.digest for name, one in task.external.items()})
    return task.development.digest, outside


def _scarce(suite: Suite, development: ImageSet) -> list[Remark]:
    """A sentence for each few-shot size that some class cannot fill."""
    train = development.part("train")
    names = (*development.classes, "no finding")
    notes = []
    for shots in suite.run.shots:
        if shots != "full":
            short = few_shot(train.targets, shots, 0, train.patients).short
            scarce = ", ".join(names[k] for k in short)
            if short:
                text = f"Development has fewer than {shots} training images of {scarce}."
                notes.append(weak(text))
    return notes


def _reading(cpu_s: float) -> list[Remark]:
    """What the reading took, where it is worth a word: most of it is done once a machine."""
    if cpu_s < _WORTH_A_WORD_S:
        return []
    text = f"Reading the data, and looking for copies in it, took {duration(cpu_s)} of CPU time"
    return [note(f"{text}; no strategy is charged for that.")]
