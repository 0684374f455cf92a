"""The door of anything that accepts tokens: ASGI middleware for MCP servers and others, with any compliant issuer."""

from resource_server.caller import Caller, current_caller
from resource_server.decision import Decision
from resource_server.guard import LISTS_ALL, Door
from resource_server.rate_limit import RateLimit

__all__ = ["LISTS_ALL", "Caller", "Decision", "Door", "RateLimit", "current_caller"]
