"""The rows of docs/requirements.md: which of them a test proves, which are open, and why.

`python tests/requirements.py` prints the table. A row counts as proven when a test names it in
`@pytest.mark.requirement("RS-05")`; marks are read from the source, so no test has to run.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs" / "requirements.md"
TESTS = ROOT / "tests"

_ROW = re.compile(r"^\| (?P<id>[A-Z]{2,3}-\d{2}) \|(?P<cells>.*)\|$")
_HEADING = re.compile(r"^## (?P<text>.+)$")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One requirement, as the table has it."""

    id: str
    level: str
    revisions: str
    requirement: str
    source: str
    chapter: str


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A test that says it proves a row, and where it stands."""

    row: str
    test: str
    where: str


class MarkError(Exception):
    """A requirement mark that cannot be read without running it, or that stands on no test."""


def read_rows(table: Path = TABLE) -> tuple[Row, ...]:
    """Every row of the table, in its order."""
    chapter, rows = "", list[Row]()
    for line in table.read_text(encoding="utf-8").splitlines():
        if heading := _HEADING.match(line):
            chapter = heading["text"]
        elif match := _ROW.match(line):
            level, revisions, requirement, source = (cell.strip() for cell in match["cells"].split("|"))
            rows.append(
                Row(
                    id=match["id"],
                    level=level,
                    revisions=revisions,
                    requirement=requirement,
                    source=source,
                    chapter=chapter,
                )
            )
    return tuple(rows)


def read_claims(tests: Path = TESTS) -> tuple[Claim, ...]:
    """Every requirement mark of every test file."""
    ours = [path for path in sorted(tests.rglob("*.py")) if "node_modules" not in path.parts]
    return tuple(claim for path in ours for claim in _claims_of(path, tests.parent))


def _claims_of(path: Path, root: Path) -> Iterator[Claim]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    where = path.relative_to(root).as_posix()
    for statement in tree.body:
        for call in ast.walk(statement):
            if isinstance(call, ast.Call) and _is_mark(call.func):
                test = _owner(statement, f"{where}:{call.lineno}")
                for row in _ids(call, where):
                    yield Claim(row=row, test=test, where=f"{where}:{call.lineno}")


def _is_mark(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and function.attr == "requirement"
        and isinstance(function.value, ast.Attribute)
        and function.value.attr == "mark"
    )


def _owner(statement: ast.stmt, where: str) -> str:
    """The test that a mark belongs to: a test function, or a module's own list of marks or cases."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        if statement.name.startswith("test_"):
            return statement.name
        raise MarkError(f"{where}: {statement.name} is no test, so it proves nothing")
    return "(module)"


def _ids(call: ast.Call, where: str) -> Iterator[str]:
    for argument in call.args:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise MarkError(f"{where}:{call.lineno}: a mark names its rows as plain strings")
        yield argument.value


def _flat(reasons: Mapping[str, str]) -> dict[str, str]:
    pairs = [(row, reason) for reason, rows in reasons.items() for row in rows.split()]
    twice = [row for row, times in Counter(row for row, _ in pairs).items() if times > 1]
    if twice:
        raise ValueError(f"rows with two reasons: {', '.join(twice)}")
    return dict(pairs)


# Rows that are still to come: the reason names the work that closes them.
GAPS: dict[str, str] = _flat({})

# Rows that tests prove as far as they concern what is here; the reason names the rest.
PARTLY: dict[str, str] = _flat({})

# Rows about a part that nobody here plays: the reason says why, and what would change it.
NOT_OURS: dict[str, str] = _flat(
    {
        "no room here is an enterprise identity provider; the tests play one": "IP-01 IP-02 IP-03 IP-04 IP-05",
        "no MCP server here signs in at an upstream service for its callers": "RS-22 RS-23 RS-24",
        "no tool here elicits anything, and no client here answers an elicitation": "RS-26 CH-13",
        "no tool here asks back (input_required), so there is no requestState": "RS-29 RS-44 CL-45",
        "sessions are optional, and the servers here keep none": "RS-38",
        "introspection is optional: the door takes JWTs, which it verifies itself": "RS-13",
        "about other transports: every server here speaks HTTP and is held to all the rows": "ALL-03",
    }
)


def main() -> int:
    """Print every row with what proves it, or why nothing does."""
    claims = Counter(claim.row for claim in read_claims())
    chapter, totals = "", Counter[str]()
    for row in read_rows():
        if row.chapter != chapter:
            chapter = row.chapter
            sys.stdout.write(f"\n{chapter}\n")
        state, why = _state(row.id, claims[row.id])
        totals[state] += 1
        sys.stdout.write(f"  {row.id:<7} {row.level:<20} {state:<9} {why}\n")
    counts = ", ".join(f"{totals[state]} {state}" for state in ("proven", "partly", "open", "not ours", "UNCLAIMED"))
    sys.stdout.write(f"\n{sum(totals.values())} rows: {counts}\n")
    return 1 if totals["UNCLAIMED"] else 0


def _state(row: str, tests: int) -> tuple[str, str]:
    if tests:
        told = f"{tests} test{'s' if tests > 1 else ''}"
        return ("partly", f"{told}; {PARTLY[row]}") if row in PARTLY else ("proven", told)
    if row in GAPS:
        return "open", GAPS[row]
    return ("not ours", NOT_OURS[row]) if row in NOT_OURS else ("UNCLAIMED", "")


if __name__ == "__main__":
    raise SystemExit(main())
