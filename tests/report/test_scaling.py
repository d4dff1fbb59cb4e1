"""Laws of scale in the report: told where the pools tell one, and else said not to be."""

import re

import pytest

HEAD = ("question", "domain", "exponent by images [95%]", "exponent by FLOPs [95%]")
IMAGES = (250, 500, 1000, 2000, 4000, 8000)
NOT_TOLD = "no law can be told"


@pytest.fixture
def law(seen):
    """What is said of pools of some sizes, the AUC being 1 - ``error``; FLOPs by their images."""

    def cells(images, error, **changes):
        pools = {f"pool {size}": size for size in images}
        levels = {name: (1 - error(size), 0.0, size / 100 - 1.3) for name, size in pools.items()}
        levels["none"] = (0.5, 0.0, 0.0)
        run = {"pools": pools, "levels": levels, "strategies": list(levels), "noise": 1e-4}
        (section,) = (one for one in seen(**run | changes).sections if one.key == "scale")
        ((head, row),) = (table for table in section.tables if table[0][:2] == HEAD[:2])
        assert head == HEAD
        assert row[:2] == ("resnet18, probe, all labels", "chest")
        return row[2:]

    return cells


def test_a_law_is_its_exponent_with_an_interval(law):
    for cell in law(IMAGES, lambda size: 0.05 + 0.25 * (size / 1000) ** -0.35):
        exponent, low, high = (float(one) for one in re.findall(r"-?\d\.\d\d", cell))
        assert low <= exponent <= high < 0
        assert exponent == pytest.approx(-0.35, abs=0.1)


@pytest.mark.parametrize(
    ("images", "error"),
    [(IMAGES[:3], lambda size: 0.25 * (size / 1000) ** -0.35), (IMAGES, lambda _: 0.2)],
    ids=["three sizes", "a constant error"],
)
def test_no_law_can_be_told(law, images, error):
    assert law(images, error) == (NOT_TOLD, NOT_TOLD)


def test_sizes_that_nobody_knows_have_no_law(law):
    sizes = {f"pool {size}": None for size in IMAGES[:2]} | {"pool 1000": 1000}
    assert law(IMAGES[:3], lambda _: 0.2, pools=sizes) == ("n/a", NOT_TOLD)
