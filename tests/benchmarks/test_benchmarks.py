"""Every benchmark still finds what it imports: they are run by hand, and would rot unseen."""

import importlib.util
from pathlib import Path

import pytest

BENCHMARKS = sorted(Path(__file__).parent.glob("bench_*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_it_can_be_imported(path):
    spec = importlib.util.spec_from_file_location(f"imported_{path.stem}", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
