"""Every requirement is proven by a test or stands in a list with its reason, and never both."""

from pathlib import Path

import pytest

from tests.requirements import GAPS, NOT_OURS, PARTLY, MarkError, read_claims, read_rows

ROWS = {row.id: row for row in read_rows()}


def test_the_table_has_every_row_once() -> None:
    ids = [row.id for row in read_rows()]
    assert len(ids) == len(set(ids)) == 180


def test_every_row_is_complete() -> None:
    for row in ROWS.values():
        assert row.level.startswith(("MUST", "SHOULD", "MAY")), row
        assert row.revisions, row
        assert row.requirement.endswith("."), row
        assert row.source, row


def test_every_row_is_claimed_by_a_test_or_listed_with_a_reason() -> None:
    claimed = {claim.row for claim in read_claims()}
    assert sorted(set(ROWS) - claimed - set(GAPS) - set(NOT_OURS)) == []


def test_no_row_is_both_proven_and_listed_as_open() -> None:
    listed = GAPS.keys() | NOT_OURS.keys()
    assert sorted(f"{claim.row} in {claim.where}" for claim in read_claims() if claim.row in listed) == []
    assert sorted(GAPS.keys() & NOT_OURS.keys()) == []


def test_a_row_that_is_partly_open_is_proven_for_the_rest() -> None:
    assert sorted(PARTLY.keys() - {claim.row for claim in read_claims()}) == []
    assert sorted(PARTLY.keys() - set(ROWS)) == []


def test_every_mark_names_a_row_that_exists() -> None:
    assert sorted(f"{claim.row} in {claim.where}" for claim in read_claims() if claim.row not in ROWS) == []
    assert sorted((GAPS.keys() | NOT_OURS.keys()) - set(ROWS)) == []


def _file(folder: Path, source: str) -> Path:
    (folder / "tests").mkdir()
    (folder / "tests" / "test_it.py").write_text(source, encoding="utf-8")
    return folder / "tests"


def test_marks_are_found_on_functions_cases_and_modules(tmp_path: Path) -> None:
    tests = _file(
        tmp_path,
        "import pytest\n"
        "pytestmark = pytest.mark.requirement('AA-01')\n"
        "CASES = [pytest.param(1, marks=pytest.mark.requirement('AA-02', 'AA-03'))]\n"
        "@pytest.mark.requirement('AA-04')\n"
        "async def test_a(): ...\n"
        "@pytest.mark.parametrize('n', [pytest.param(1, marks=[pytest.mark.requirement('AA-05')])])\n"
        "def test_b(n): ...\n",
    )
    found = {(claim.row, claim.test) for claim in read_claims(tests)}
    assert found == {
        ("AA-01", "(module)"),
        ("AA-02", "(module)"),
        ("AA-03", "(module)"),
        ("AA-04", "test_a"),
        ("AA-05", "test_b"),
    }


def test_a_mark_on_something_that_is_no_test_is_refused(tmp_path: Path) -> None:
    tests = _file(tmp_path, "import pytest\n@pytest.mark.requirement('AA-01')\ndef door(): ...\n")
    with pytest.raises(MarkError, match="door is no test"):
        read_claims(tests)


def test_a_mark_that_hides_its_rows_in_a_variable_is_refused(tmp_path: Path) -> None:
    tests = _file(tmp_path, "import pytest\nX='AA-01'\n@pytest.mark.requirement(X)\ndef test_a(): ...\n")
    with pytest.raises(MarkError, match="plain strings"):
        read_claims(tests)
