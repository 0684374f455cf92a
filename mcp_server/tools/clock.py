"""The clock: what time it is, anywhere."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, Field

from mcp_server.catalogue import tool

TimeZone = Annotated[
    str,
    Field(
        description="An IANA time zone, such as Europe/Berlin or UTC",
        min_length=1,
        max_length=64,
    ),
]


class Time(BaseModel):
    """A moment, as a clock on the wall of that time zone shows it."""

    time_zone: str = Field(description="The IANA time zone that was asked for")
    iso_time: str = Field(description="Local date and time with offset, ISO 8601")
    date: str = Field(description="Local date, YYYY-MM-DD")
    clock: str = Field(description="Local time of day, HH:MM:SS")
    weekday: str = Field(description="Local day of the week, in English")
    utc_offset: str = Field(description="Offset from UTC, ±HH:MM")
    unix_seconds: int = Field(description="Whole seconds since 1970-01-01T00:00:00Z")


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


class ClockTools:
    """The toolset `clock`."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now

    @tool(scope="mcp:read", title="Tell the time", read_only=True)
    async def get_time(self, time_zone: TimeZone = "UTC") -> Time:
        """Tell the current date and time in a time zone."""
        zone = _zone(time_zone)
        local = self._now().astimezone(zone)
        offset = local.strftime("%z")
        return Time(
            time_zone=zone.key,
            iso_time=local.isoformat(timespec="seconds"),
            date=local.date().isoformat(),
            clock=local.strftime("%H:%M:%S"),
            weekday=local.strftime("%A"),
            utc_offset=f"{offset[:3]}:{offset[3:5]}",
            unix_seconds=int(local.timestamp()),
        )


@cache
def _zones() -> Mapping[str, str]:
    """Every IANA name by its case-folded spelling; read from disk once."""
    return {name.casefold(): name for name in available_timezones()}


def _zone(name: str) -> ZoneInfo:
    """The zone of that name: nothing that is not on the list reaches the file system."""
    known = _zones().get(name.casefold())
    if known is None:
        raise ToolError(f"{name!r} is not an IANA time zone. {_hint(name)}")
    return ZoneInfo(known)


def _hint(name: str) -> str:
    """A guess at what was meant, by the whole name or by its city."""
    cities = {zone.rsplit("/", 1)[-1]: zone for zone in _zones()}
    near = get_close_matches(name.casefold(), _zones(), n=2, cutoff=0.75)
    near += [cities[city] for city in get_close_matches(name.casefold(), cities, n=2, cutoff=0.8)]
    guesses = dict.fromkeys(_zones()[found] for found in near)
    return f"Did you mean {' or '.join(guesses)}?" if guesses else "Try a name such as Europe/Berlin or UTC."
