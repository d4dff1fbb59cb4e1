"""Sex, age and site as tables have them; see `test_audit` for what a cell may say."""

from greendapt.data.sources.subgroups import subgroups


def test_each_row_has_its_group_or_none_that_is_known():
    rows = [
        {"patientgender": "Male", "age": "058Y", "hospital": "a", "source": "x"},
        {"patientgender": "", "age": "old", "hospital": "", "source": "y"},
    ]
    found = {kind: of.tolist() for kind, of in subgroups(rows).items()}
    assert found == {"sex": ["M", "unknown"], "age": ["40-59", "unknown"], "site": ["a", "unknown"]}


def test_a_kind_without_a_column_is_no_kind():
    assert subgroups([{"label": "a"}]) == {}
    assert subgroups([]) == {}
