"""Floats as a string and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.core.packed import pack, unpack


@given(st.lists(st.floats(width=32)))
def test_what_was_packed_comes_back(values):
    np.testing.assert_array_equal(unpack(pack(values)), np.asarray(values, np.float64))


@pytest.mark.parametrize("text", ["no base64!", "AAA=", "é"])
def test_what_is_none_of_ours_is_refused(text):
    with pytest.raises(ValueError, match="packed numbers cannot be read"):
        unpack(text)
