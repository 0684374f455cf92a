"""Which scopes a request to the MCP endpoint needs, known before it is dispatched; afterwards no 403 is possible."""

from collections.abc import Collection
from typing import NamedTuple

from starlette.types import Receive, Scope

from resource_server.body import check_length, check_readable, read_body, replay
from resource_server.errors import MethodNotAllowed, NotFound, RequestId, UnknownTool
from resource_server.rules.mcp_message import TOOL_CALL, check_routing_headers, read_message
from resource_server.rules.rfc6749_scope import union_of
from resource_server.rules.rfc9110_fields import Fields
from resource_server.settings import Settings, as_names, mcp_path_of


class Operation(NamedTuple):  # made for every request, and a tuple is made in a third of the time of a dataclass
    """What a request is about to do: what that needs, and how the app reads the request from here.

    `tool` names the tool that is called; it is empty for whatever is no tool call.
    """

    needed: tuple[str, ...]
    receive: Receive
    tool: str = ""
    lists_tools: bool = False
    request_id: RequestId = None


class Operations:
    """Tells the operations of one door apart."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._baseline = union_of(settings.scopes)
        self._tools = {
            tool: union_of(settings.scopes, as_names(scopes)) for tool, scopes in (settings.tools or {}).items()
        }
        self._mcp_path = mcp_path_of(settings)

    async def of(self, scope: Scope, fields: Fields, receive: Receive) -> Operation:
        """Read as much as it takes to know. Raises NotFound and what `read_message` and `read_body` raise."""
        if self._settings.tools is None:
            needed = self._settings.scope_for(scope) if self._settings.scope_for else ()
            bounded = await self._bounded(fields, receive)
            return Operation(needed=union_of(self._baseline, tuple(needed)), receive=bounded)
        if scope["path"] == self._mcp_path:
            if scope["method"] != "POST":
                return self._beside_messages(scope["method"], receive)
            check_readable(fields)
            check_length(fields, self._settings.max_body)
            body = await read_body(receive, self._settings.max_body)
            return self._message(fields, body, replay(body, receive))
        if scope["path"] in self._settings.other_paths:
            return Operation(needed=self._baseline, receive=await self._bounded(fields, receive))
        raise NotFound("there is nothing here; the path is compared exactly")

    async def _bounded(self, fields: Fields, receive: Receive) -> Receive:
        """A body of declared length passes as it comes; one without is read ahead, so that it too can be refused."""
        if check_length(fields, self._settings.max_body):
            return receive
        return replay(await read_body(receive, self._settings.max_body), receive)

    def _beside_messages(self, method: str, receive: Receive) -> Operation:
        """Streams and sessions of the revisions before 2026-07-28."""
        if method not in {"GET", "DELETE"}:
            raise MethodNotAllowed("the MCP endpoint takes POST")
        return Operation(needed=self._baseline, receive=receive, lists_tools=method == "GET")

    def _message(self, fields: Fields, body: bytes, receive: Receive) -> Operation:
        message = read_message(body)
        check_routing_headers(fields, message)
        if message.method != TOOL_CALL:
            lists_tools = message.method == "tools/list"
            return Operation(self._baseline, receive, lists_tools=lists_tools, request_id=message.id)
        tool = message.name or ""
        needed = self._tools.get(tool)
        if needed is None:
            raise UnknownTool("Unknown tool", tool=tool, request_id=message.id)
        return Operation(needed, receive, tool, request_id=message.id)

    def shows(self, tool: str, scopes: Collection[str], *, everything: bool = False) -> bool:
        """Whether tools/list names this tool to a caller with these scopes, or to one that is shown everything."""
        everything = everything or self._settings.list_all_tools
        return tool in self._tools if everything else self.may_call(tool, scopes)

    def may_call(self, tool: str, scopes: Collection[str]) -> bool:
        """Whether a caller with these scopes gets past the door with this tool."""
        needed = self._tools.get(tool)
        return needed is not None and all(scope in scopes for scope in needed)
