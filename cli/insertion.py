"""Adds to a YAML file without writing the rest of it anew: comments, order and style of whoever wrote it stay."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import yaml

from cli.errors import Failure

Path: TypeAlias = Sequence[str | int]


def append(text: str, where: Path, entry: Mapping[str, Any]) -> str:
    """One more item at the end of the list at `where`, or one more pair at the end of the mapping there.

    Raises Failure where the file is so made that anything but the addition would change.
    """
    if text.count("\r\n") == text.count("\n") > 0:
        return append(text.replace("\r\n", "\n"), where, entry).replace("\n", "\r\n")
    wanted: Any = yaml.safe_load(text)
    _extend(wanted, where, entry)
    node = _find(text, where)
    added = _absent(text, where, entry) if node is None else _added(text, node, entry)
    try:
        same = yaml.safe_load(added) == wanted
    except yaml.YAMLError:
        same = False
    if not same:
        raise Failure(f"{_spelt(where)} is written in a way that cannot be added to: add it by hand:\n{_block(entry)}")
    return added


def _extend(wanted: Any, where: Path, entry: Mapping[str, Any]) -> None:
    for part in where[:-1]:
        wanted = wanted[part]
    last = where[-1]
    held = wanted.get(last) if isinstance(last, str) else wanted[last]
    if isinstance(held, dict):
        cast("dict[str, Any]", held).update(entry)
    else:
        wanted[last] = [*(held or []), dict(entry)]


def _find(text: str, where: Path) -> yaml.CollectionNode | None:
    """The collection at a place; None where there is nothing."""
    node: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    for part in where:
        if isinstance(node, yaml.MappingNode):
            pairs = cast("list[tuple[yaml.Node, yaml.Node]]", node.value)
            node = next((value for key, value in pairs if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = cast("list[yaml.Node]", node.value)[part]
    return node if isinstance(node, yaml.CollectionNode) else None


def _last(node: yaml.Node) -> yaml.Node:
    """The innermost thing that stands last in a block."""
    if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
        return node
    final = cast("list[yaml.Node | tuple[yaml.Node, yaml.Node]]", node.value)[-1]
    return _last(final[1] if isinstance(final, tuple) else final)


def _absent(text: str, where: Path, entry: Mapping[str, Any]) -> str:
    """A list that the document does not have yet, at its end."""
    return f"{text.rstrip()}\n\n{where[-1]}:\n{_indented(_item(entry), '  ')}"


def _added(text: str, node: yaml.CollectionNode, entry: Mapping[str, Any]) -> str:
    if node.flow_style:
        at = cast("yaml.Mark", node.end_mark).index - 1
        inside = json.dumps(entry, ensure_ascii=False)
        more = inside if isinstance(node, yaml.SequenceNode) else inside[1:-1]
        return f"{text[:at].rstrip()}{', ' if node.value else ''}{more}{text[at:]}"
    lines = _item(entry) if isinstance(node, yaml.SequenceNode) else _block(entry)
    column = cast("yaml.Mark", node.start_mark).column
    at = _after(text, node, column)
    before = text[:at] if text[:at].endswith("\n") else f"{text[:at]}\n"
    return f"{before}{_indented(lines, ' ' * column)}{text[at:]}"


def _after(text: str, node: yaml.Node, column: int) -> int:
    """Where the next line begins after the last thing of a block, and after comments that belong to it."""
    mark = cast("yaml.Mark", _last(node).end_mark)
    # A block scalar ends at the line that follows it, and at the blank lines between.
    end = len(text[: mark.index].rstrip()) if mark.column == 0 else mark.index
    at = _next_line(text, end)
    while at < len(text) and _is_comment(text[at : _next_line(text, at)], column):
        at = _next_line(text, at)
    return at


def _next_line(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _is_comment(line: str, column: int) -> bool:
    return line.lstrip(" ").startswith("#") and len(line) - len(line.lstrip(" ")) > column


def _item(entry: Mapping[str, Any]) -> str:
    first, *rest = _block(entry).splitlines()
    return "\n".join([f"- {first}", *(f"  {line}" for line in rest)]) + "\n"


def _block(entry: Mapping[str, Any]) -> str:
    """In the style of identity.yaml: mappings as blocks, lists of words in brackets."""
    text = yaml.dump(dict(entry), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return unquoted(text)


def unquoted(text: str) -> str:
    """Scopes as people write them: PyYAML quotes whatever has a colon in it, inside brackets."""
    return re.sub(r"(?<=[\[ ])'(\w+(?::\w+)+)'(?=[,\]])", r"\1", text)


class _Dumper(yaml.SafeDumper):
    pass


def _brackets(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


_Dumper.add_representer(list, _brackets)


def _indented(lines: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" for line in lines.splitlines())


def _spelt(where: Path) -> str:
    return ".".join(map(str, where))
