"""One thread."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _one_thread(one_thread):
    """Small sums, and the same ones every time."""
