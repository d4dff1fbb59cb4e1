"""A finished run for tests that only read one, or copy it first."""

import pytest


@pytest.fixture(scope="session")
def finished_run(in_process, tiny, tmp_path_factory, only_run):
    out = tmp_path_factory.mktemp("finished")
    done = in_process("bench", "--suite", tiny, "--out", out, "--device", "cpu")
    assert done.code == 0, done.err
    return only_run(out)
