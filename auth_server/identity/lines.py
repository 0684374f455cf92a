"""YAML that remembers on which line each field stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias, cast

import yaml

Place: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something wrong in the file. Lines count from 1."""

    line: int
    field: str
    message: str


class IdentityError(ValueError):
    """The file cannot be used. One problem a line: `file:line: field: message`."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        super().__init__("\n".join(f"{name}:{at.line}: {at.field}: {at.message}" for at in self.problems))


@dataclass(frozen=True, kw_only=True)
class Document:
    """The file's content and the line of each place in it."""

    name: str
    content: object
    lines: Mapping[Place, int]

    def problem(self, place: Place, message: str) -> Problem:
        """A problem at the nearest line that exists: a missing field is reported where its parent begins."""
        nearest = place
        while nearest and nearest not in self.lines:
            nearest = nearest[:-1]
        return Problem(line=self.lines.get(nearest, 1), field=dotted(place), message=message)


def dotted(place: Place) -> str:
    """A place as people write it: `clients[0].secret`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "(file)"


def read(name: str, text: str) -> Document:
    """Read the YAML. Raises IdentityError for what is no YAML, and for a name that is given twice."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content: object = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise IdentityError(name, [Problem(line=line, field="(file)", message=str(error.problem))]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        message = str(error) or type(error).__name__
        raise IdentityError(name, [Problem(line=1, field="(file)", message=message)]) from None
    lines: dict[Place, int] = {}
    problems: list[Problem] = []
    if root is not None:
        _walk(root, (), lines, problems)
    if problems:
        raise IdentityError(name, problems)
    return Document(name=name, content=content, lines=lines)


def _walk(node: yaml.Node, place: Place, lines: dict[Place, int], problems: list[Problem]) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(cast("list[yaml.Node]", node.value)):
            _walk(item, (*place, index), lines, problems)
    elif isinstance(node, yaml.MappingNode):
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
            below = (*place, str(key.value))
            if below in lines:
                problems.append(Problem(line=key.start_mark.line + 1, field=dotted(below), message="is given twice"))
            lines[below] = key.start_mark.line + 1
            _walk(value, below, lines, problems)
