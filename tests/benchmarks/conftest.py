"""Ratios from interleaved runs: a single time says little where the machine's speed drifts."""

import statistics
import time

import pytest
from PIL import Image

from greendapt.data.dataset import load
from greendapt.suite.datasets import PhantomData


@pytest.fixture(scope="module")
def phantom_files(tmp_path_factory):
    """``phantom_files(images=, size=, seed=)``: a folder of JPEG files, a sub-folder a class."""

    def write(*, images, size, seed=0):
        root = tmp_path_factory.mktemp("xrays")
        spec = PhantomData(source="phantom", images=images, seed=seed)
        made = load(spec, name="x", image_size=size, aliases={})
        for i, (pixels, target) in enumerate(zip(made.pixels[:, 0], made.targets, strict=True)):
            folder = root / made.classes[target]
            folder.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{i:03}.jpg", quality=90)
        return root

    return write


@pytest.fixture
def agrees():
    """``agrees(guide, table, keys, shares, trials)``: a table of one line stands in a guide, within
    chance: with the same heads, and for the same first ``keys`` columns the same ``shares``."""

    def cells_of(line):
        return [cell.strip() for cell in line.strip().strip("|").split("|")]

    def check(guide, table, keys, shares, trials):
        heads, _, mine = map(cells_of, table.splitlines())
        lines = [cells_of(line) for line in guide.read_text(encoding="utf-8").splitlines()]
        assert heads in lines
        (stated,) = (line for line in lines if line[:keys] == mine[:keys])
        for head, here, there in zip(heads[shares], mine[shares], stated[shares], strict=True):
            a, b = (float(text.rstrip("%")) / 100 for text in (here, there))
            assert abs(a - b) < 0.06 + 3 * (max(a, b) * (1 - min(a, b)) / trials) ** 0.5, head

    return check


@pytest.fixture
def interleaved(benchmark, capsys):
    """``interleaved(against, ours, rounds=5)``: runs both in turn and returns the ratio.

    The ratio is the median over rounds of ours / against, or against / ours with ``speedup``;
    it is printed and kept in ``extra_info["ratio"]``. The order of a pair changes every round.
    """

    def run(against, ours, *, rounds=5, speedup=False, warmup=True):
        ratios = []

        def pair():
            order = (against, ours) if len(ratios) % 2 else (ours, against)
            seconds = {}
            for job in order:
                begun = time.perf_counter()
                job()
                seconds[job] = time.perf_counter() - begun
            own, other = seconds[ours], seconds[against]
            ratios.append(other / own if speedup else own / other)

        if warmup:
            against()
            ours()
        benchmark.pedantic(pair, rounds=rounds, iterations=1)
        ratio = statistics.median(ratios)
        spread = statistics.stdev(ratios) if len(ratios) > 1 else 0.0
        said = {"ratio": ratio, "relative_sd": spread / ratio, "rounds": rounds}
        benchmark.extra_info.update(said)
        with capsys.disabled():
            print(f"\n{benchmark.name}: ratio {ratio:.4g} (sd {spread / ratio:.1%} of a round)")
        return ratio

    return run
