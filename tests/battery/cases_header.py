"""Soundly signed tokens whose header asks for something: another type, another key, an extension."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.battery.case import Case, bad_header
from tests.battery.world import World

_CRITICAL: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("empty", {"crit": []}),
    ("exp", {"crit": ["exp"], "exp": 1}),
    ("unknown", {"crit": ["urn:x"], "urn:x": True}),
    ("b64", {"crit": ["b64"], "b64": True}),
    ("a-string", {"crit": "exp"}),
)
_KEY_IDS: tuple[tuple[str, Callable[[World], object]], ...] = (
    ("missing", lambda _: ...),
    ("unknown", lambda _: "no-such-key"),
    ("path", lambda _: "../../../../../../dev/null"),
    ("absolute-path", lambda _: "/proc/sys/kernel/randomize_va_space"),
    ("url", lambda _: "https://evil.example/key.pem"),
    ("sql", lambda _: "x' UNION SELECT 'secret' --"),
    ("shell", lambda _: "| sleep 5"),
    ("empty", lambda _: ""),
    ("null", lambda _: None),
    ("number", lambda _: 1),
    ("list", lambda world: [world.signer.kid]),
    ("object", lambda world: {world.signer.kid: 1}),
    ("long", lambda _: "k" * 3000),
    ("nul", lambda world: world.signer.kid + "\0"),
    ("upper", lambda world: world.signer.kid.upper() + "X"),
    ("space", lambda world: world.signer.kid + " "),
    ("prefix", lambda world: world.signer.kid[:-1]),
)
_TYPES: tuple[tuple[str, object], ...] = (
    ("missing", ...),
    ("jwt", "JWT"),
    ("null", None),
    ("number", 1),
    ("empty", ""),
    ("space", "at+jwt "),
    ("list", ["at+jwt"]),
    ("id-token", "id_token+jwt"),
    ("logout", "logout+jwt"),
    ("dpop", "dpop+jwt"),
    ("secevent", "secevent+jwt"),
    ("assertion", "client-authentication+jwt"),
    ("id-jag", "oauth-id-jag+jwt"),
    ("application-jwt", "application/jwt"),
    ("application-twice", "application/application/at+jwt"),
)

CASES: tuple[Case, ...] = (
    *(bad_header(f"crit-{name}", f"crit: {name}", lambda _, change=change: change) for name, change in _CRITICAL),
    *(bad_header(f"kid-{name}", f"kid: {name}", lambda world, kid=kid: {"kid": kid(world)}) for name, kid in _KEY_IDS),
    *(bad_header(f"typ-{name}", f"typ: {name}", lambda _, typ=typ: {"typ": typ}) for name, typ in _TYPES),
)
