"""What is made of a difference between runs."""

from hypothesis import given
from hypothesis import strategies as st

from greendapt.core.figures import Quality
from greendapt.gate.compare import Change, compare
from greendapt.gate.facts import Cell, Repeats, Side
from greendapt.store.baselines import Machine

NAME = ("full", "resnet18", "probe", "full")
POSITIVE = st.floats(0.1, 1000, allow_nan=False)


def side(title="a run", *, wall=(1.0, 1.1, 1.2), auc=None, flops=None, **other):
    cell = Cell(
        exact={"training_flops": flops or {0: 100}},
        scores={"auc": auc or {0: 0.8}},
        repeats={"wall_s": Repeats(tuple(wall), Quality.MEASURED)},
    )
    facts = {"suite": "s", "profile": "p", "data": "d", "machine_key": "m", **other}
    machines = {facts["machine_key"]: Machine(says="a CPU")}
    return Side(title, machines=machines, cells={NAME: cell}, **facts)


def of(figure, *sides):
    return next(d for d in compare(sides).differences if d.figure == figure)


@given(low=st.lists(POSITIVE, min_size=2, max_size=6), gap=st.floats(1.001, 3))
def test_separated_times_are_never_called_noise(low, gap):
    high = [max(low) / min(low) * gap * value for value in low]
    assert min(high) > max(low)
    for one, other in ((low, high), (high, low)):
        found = of("wall_s", side(wall=one), side(wall=other))
        assert found.says in (Change.BEYOND, Change.APART)


@given(
    auc=st.lists(st.floats(0.1, 0.5), min_size=2, max_size=6),
    gain=st.lists(st.floats(0.01, 0.4), min_size=6, max_size=6),
)
def test_a_gain_at_every_seed_is_never_called_noise(auc, gain):
    before = dict(enumerate(auc))
    after = {seed: value + gain[seed] for seed, value in before.items()}
    for one, other in ((before, after), (after, before)):
        assert of("auc", side(auc=one), side(auc=other)).says in (Change.BEYOND, Change.APART)


def test_a_run_is_the_same_as_itself():
    found = compare([side("a"), side("b")])
    assert [d.says for d in found.differences] == [Change.SAME, Change.SAME, Change.WITHIN]
    assert found.notes == ()


def test_one_repeat_tells_nothing_and_counts_do():
    one = side(wall=(1.0,), flops={0: 100, 1: 200})
    other = side(wall=(2.0,), flops={0: 100, 1: 201})
    assert of("wall_s", one, other).says is Change.UNKNOWN
    found = of("training_flops", one, other)
    assert (found.says, found.base, found.head) == (Change.DIFFERENT, 150, 150.5)


def test_only_seeds_that_both_have_are_compared():
    found = of("auc", side(auc={0: 0.5, 1: 0.6, 2: 0.9}), side(auc={0: 0.6, 1: 0.7, 5: 0.1}))
    assert found.change.mean == 0.1 or abs(found.change.mean - 0.1) < 1e-12
    assert found.says is Change.BEYOND


def test_what_weakens_a_comparison_is_noted():
    found = compare([side("A"), side("B", data="other", machine_key="elsewhere", profile="q")])
    assert found.notes == (
        "B and A are of different suites or profiles",
        "B and A are on different data: scores are not comparable",
        "B and A ran on different machines: time, energy and memory tell of these, too",
    )
