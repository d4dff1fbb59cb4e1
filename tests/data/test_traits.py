"""Which grey becomes white."""

import numpy as np
import pytest

from greendapt.data.sources.traits import TRAITS, Way, depth_of, remarks, whites


def files(*bits, ways=Way.DEEP):
    return np.array([(1, n, int(ways), 8, 8) for n in bits], TRAITS)


def depths(traits):
    return np.log2(whites(traits) + 1).astype(int).tolist()


@pytest.mark.parametrize(
    ("bits", "agreed"),
    [
        ([12] * 9, [12] * 9),
        ([12] * 30 + [10] * 9, [12] * 39),  # dark images of one detector
        ([10] * 30 + [12] * 9, [12] * 39),  # most of them dark
        ([12] * 39 + [8], [12] * 40),  # a blank one
        ([10] * 19 + [14], [10] * 19 + [14]),  # one of another detector
        ([12] * 7 + [14], [12] * 7 + [14]),
        ([10] * 20 + [14] * 20, [10] * 20 + [14] * 20),  # two detectors
        ([8, 10, 12, 14, 16] * 4, [16] * 20),
        ([10, 12], [12] * 2),
        ([14], [14]),
        ([], []),
    ],
)
def test_files_that_state_nothing_share_the_depth_that_most_need(bits, agreed):
    assert depths(files(*bits)) == agreed


def test_what_is_stated_is_believed_and_has_no_vote():
    stated = files(*[16] * 50, ways=Way.DEEP | Way.STATED)
    both = np.concatenate([stated, files(*[12] * 10)])
    assert depths(both) == [16] * 50 + [12] * 10
    assert depths(files(8, 8, ways=Way.PLAIN)) == [8, 8]


def test_the_brightest_few_pixels_do_not_set_the_depth():
    greys = np.linspace(0, 4000, 10_000).astype(np.uint16)
    assert depth_of(greys) == 12
    greys[:150] = 65535
    assert depth_of(greys) == 12
    greys[:2000] = 65535
    assert depth_of(greys) == 16


def test_mixed_depths_weaken_a_verdict_and_one_depth_does_not():
    def told(traits):
        return [(str(one.gravity), str(one)) for one in remarks(traits, whites(traits))]

    assert told(files(8, 8, ways=Way.PLAIN)) == []
    ((gravity, text),) = told(files(12, 12))
    assert gravity == "note"
    assert "12 bits (2)" in text
    *_, (gravity, text) = told(np.concatenate([files(12, 12), files(8, ways=Way.PLAIN)]))
    assert gravity == "weak"
    assert "8 bits (1) and 12 bits (2)" in text


def test_many_dark_images_weaken_a_verdict_too():
    def told(bits):
        return [str(one.gravity) for one in remarks(files(*bits), whites(files(*bits)))]

    assert told([14] * 20 + [12] * 20) == ["note", "weak"]
    assert told([14] * 39 + [12]) == ["note"]


def test_a_file_that_cannot_be_read_is_no_depth():
    traits = np.concatenate([files(12), np.zeros(3, TRAITS)])
    assert [str(one.gravity) for one in remarks(traits, whites(traits))] == ["note"]
