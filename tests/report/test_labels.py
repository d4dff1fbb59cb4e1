"""No label covers another, nor leaves the picture."""

import math

from hypothesis import example, given, settings
from hypothesis import strategies as st

from greendapt.report.charts.label_places import leader_end, place

SIZE = (470.0, 330.0)
HEIGHT = 14.0
spots = st.lists(
    st.tuples(st.floats(30, 440), st.floats(20, 310), st.floats(20, 90)), min_size=1, max_size=12
)


@given(spots)
@example([(30.0, 20.0, 20.0), (30.0, 20.0, 32.125), (30.0, 20.0, 32.0)])  # a sliver in common
@settings(max_examples=60, deadline=None)
def test_twelve_labels_lie_apart_and_inside_wherever_the_points_are(rows):
    widths = [width for *_, width in rows]
    centres = place([(x, y) for x, y, _ in rows], widths, SIZE, HEIGHT)
    for i, (x, y) in enumerate(centres):
        assert widths[i] / 2 <= x + 1e-6
        assert x <= SIZE[0] - widths[i] / 2 + 1e-6
        assert HEIGHT / 2 <= y + 1e-6 <= SIZE[1] - HEIGHT / 2 + 2e-6
        for j in range(i):
            apart_x = abs(x - centres[j][0]) - (widths[i] + widths[j]) / 2
            apart_y = abs(y - centres[j][1]) - HEIGHT
            assert max(apart_x, apart_y) >= -1e-6


def test_a_lonely_point_has_its_name_to_the_right():
    ((x, y),) = place([(100, 100)], [40], SIZE)
    assert y == 100
    assert 120 < x < 135


def test_a_name_makes_way_for_a_line():
    ((x, _),) = place([(200, 100)], [40], SIZE, strokes=[(200, 98, 300, 102)])
    assert x < 200


def test_a_leader_ends_at_the_nearest_edge_of_its_label():
    assert leader_end((130, 100), 40, 14, (100, 100)) == (110, 100)
    end = leader_end((150, 60), 40, 14, (100, 100))
    assert math.dist(end, (100, 100)) < math.dist((150, 60), (100, 100))
