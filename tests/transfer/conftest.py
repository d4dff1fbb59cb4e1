"""One thread, and what these tests share."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def _one_thread(one_thread):
    """Small sums, and the same ones every time."""


@pytest.fixture(scope="module", autouse=True)
def _precision(precision):
    """What ``--precision`` asks for."""
    return precision
