"""What holds for the labels of any sources."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from greendapt.data.sources.harmonise import Findings, names_of, place

NAMES = ("edema", "effusion", "mass", "no_finding", "pneumonia")
CELL = st.sampled_from([0.0, 1.0, float("nan")])


@st.composite
def source(draw):
    names = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)))
    count = draw(st.integers(1, 4))
    cells = draw(st.lists(CELL, min_size=count * len(names), max_size=count * len(names)))
    return Findings(names, np.array(cells, dtype=np.float32).reshape(count, len(names)))


SOURCES = st.lists(source(), min_size=1, max_size=4)


@given(SOURCES, st.randoms())
def test_the_order_of_sources_does_not_matter(sources, random):
    shuffled = random.sample(sources, len(sources))
    for which in ("intersection", "union"):
        assert names_of([s.names for s in sources], which) == names_of(
            [s.names for s in shuffled], which
        )


@given(SOURCES)
def test_the_intersection_is_within_every_source_and_the_union_is_all(sources):
    shared = names_of([s.names for s in sources], "intersection")
    every = names_of([s.names for s in sources], "union")
    assert set(shared) <= set(every)
    assert all(set(shared) <= set(s.names) <= set(every) for s in sources)


@given(source(), st.sets(st.sampled_from(NAMES), min_size=1))
def test_a_label_is_missing_where_a_source_does_not_know_it_and_else_as_it_was(one, names):
    names = sorted(names)
    for column, name in zip(one.over(names).T, names, strict=True):
        if name in one.names:
            np.testing.assert_array_equal(column, one.values[:, one.names.index(name)])
        else:
            assert np.isnan(column).all()


@given(source())
def test_no_finding_says_no_to_all_others_of_its_row_and_to_nothing_else(one):
    settled = one.settle("no_finding", "zeros")
    assert settled.names == tuple(n for n in one.names if n != "no_finding")
    assert one.settle("no_finding", "label") is one
    dropped = one.settle("no_finding", "drop")
    if "no_finding" not in one.names:
        assert settled is dropped is one
        return
    nothing = one.values[:, one.names.index("no_finding")] == 1
    assert (settled.values[nothing] == 0).all()
    np.testing.assert_array_equal(settled.values[~nothing], dropped.values[~nothing])


@given(source())
def test_settling_twice_is_settling_once(one):
    once = one.settle("no_finding", "zeros")
    assert once.settle("no_finding", "zeros") is once


def test_classes_among_others():
    assert place(("b", "a"), np.array([0, 1, 0]), ("a", "b", "c")).tolist() == [1, 0, 1]
    assert place(("b", "x"), np.array([0, 1]), ("a", "b")).tolist() == [1, -1]
