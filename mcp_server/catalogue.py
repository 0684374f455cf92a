"""A toolset: methods that each name their scope beside their definition, turned into an MCP server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp_types import ToolAnnotations
from pydantic import ValidationError

_MARK = "__daca_tool__"
_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What a tool says about itself beside its definition."""

    scope: str
    title: str
    annotations: ToolAnnotations


def tool(
    *, scope: str, title: str, read_only: bool = False, destructive: bool = False, idempotent: bool = False
) -> Callable[[_F], _F]:
    """Mark a method as a tool that needs `scope`. The hints are what a client may show a person."""
    hints = ToolAnnotations(
        title=title,
        read_only_hint=read_only,
        destructive_hint=destructive,
        idempotent_hint=read_only or idempotent,
        open_world_hint=False,
    )

    def mark(method: _F) -> _F:
        setattr(method, _MARK, Declared(scope=scope, title=title, annotations=hints))
        return method

    return mark


def declared(toolset: object) -> Mapping[str, Declared]:
    """Every tool of a toolset, by name, in the order of their definition."""
    members = vars(type(toolset))
    return {
        name: mark for name, member in members.items() if isinstance(mark := getattr(member, _MARK, None), Declared)
    }


def scopes_of(toolset: object) -> Mapping[str, str]:
    """Which scope each tool needs: what the door enforces before dispatch."""
    return {name: mark.scope for name, mark in declared(toolset).items()}


class StrictTool(Tool):
    """A tool that refuses arguments it does not know, and says in one line what was wrong."""

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,  # noqa: FBT001, FBT002  the SDK's signature
    ) -> Any:
        """Run with validated arguments. Raises ToolError, whose text is for the caller."""
        known: Mapping[str, Any] = self.parameters["properties"]
        if unknown := sorted(arguments.keys() - known.keys()):
            takes = ", ".join(known) or "no arguments"
            raise ToolError(f"{self.name} does not know {', '.join(map(repr, unknown))}; it takes {takes}")
        try:
            return await super().run(arguments, context, convert_result)
        except ToolError as refusal:
            if isinstance(refusal.__cause__, ValidationError):
                raise ToolError(f"{self.name}: {_said(refusal.__cause__)}") from refusal.__cause__
            raise


def tools_of(toolset: object) -> Sequence[Tool]:
    """The tools as the MCP SDK serves them. Each has a description, constraints and an output schema."""
    return [_built(getattr(toolset, name), mark) for name, mark in declared(toolset).items()]


def _built(method: Callable[..., Any], mark: Declared) -> Tool:
    made = Tool.from_function(method, title=mark.title, annotations=mark.annotations, structured_output=True)
    closed = {**made.parameters, "additionalProperties": False}
    return StrictTool.model_validate({**dict(made), "parameters": closed})


def _said(error: ValidationError) -> str:
    """Which argument is wrong and why, without repeating what was sent."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False, include_context=False)
    )
