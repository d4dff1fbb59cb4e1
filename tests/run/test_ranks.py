"""What a rank does when it is asked for what it does not have."""

from types import SimpleNamespace

import pytest

from greendapt.core.errors import RunError
from greendapt.run.workers.ranks import assist


def test_a_stage_of_other_data_or_code_is_refused_in_a_sentence():
    """The key holds digests of both."""
    leading = SimpleNamespace(ranks=SimpleNamespace(same=lambda _: "a key of rank 0"))
    with pytest.raises(RunError, match="data, weights or own code here are not those of rank 0"):
        assist(leading, meter=None, planned=[])
