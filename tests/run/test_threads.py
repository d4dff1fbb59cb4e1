"""What is tiny runs on one thread: with more, threads of two programs wait for each other."""

from functools import partial

import pytest
import torch

from greendapt.run.context import Context
from greendapt.run.prepare import prepare_session
from greendapt.run.stages.base import Monitor
from greendapt.store.run import RunFolder
from greendapt.suite.suite_files import load


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def _note(threads, share):
    del share
    threads.add(torch.get_num_threads())


def test_heads_on_stored_features_take_one_thread(tiny, tmp_path, undone, two_threads):  # noqa: ARG001
    changes = {"run": {"strategies": ["partial"], "fast_step": False}}
    session = prepare_session(load(tiny, changes=[changes]), lambda _said: None)
    folder = RunFolder.create(tmp_path, "tiny")
    context = Context(session.suite, session.data, folder, session.engine, session.generic)
    seen = {}
    for stage in session.plan[0].stages:
        threads = set()
        stage.run(context, Monitor(on_progress=partial(_note, threads)))
        seen[stage.label] = (stage.is_tiny, threads)
    tiny_ones = [threads for is_tiny, threads in seen.values() if is_tiny]
    others = [threads for is_tiny, threads in seen.values() if not is_tiny and threads]
    assert len(tiny_ones) >= 2
    assert all(threads == {1} for threads in tiny_ones)
    assert others
    assert all(threads == {2} for threads in others)
    assert torch.get_num_threads() == 2
