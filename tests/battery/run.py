"""Point the battery at a running server: the test issuer it trusts is ours, so any token can be made.

python tests/battery/run.py --resource http://localhost:8000/mcp --issuer http://localhost:9000 --key key.pem --kid k1
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script, from anywhere

from tests.battery.case import Case, listing
from tests.battery.cases import CASES
from tests.battery.wire import Answer, Transport, over_socket
from tests.battery.world import Signer, World

_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')


def judge(case: Case, answer: Answer) -> str:
    """What is wrong with this answer to a bad request; nothing when it is refused as it should be."""
    if answer.status not in case.status:
        return f"{case.id}: answered {answer.status}, expected {sorted(case.status)} ({case.about})"
    wrong = "" if case.error is None else _judge_challenge(answer.header("www-authenticate") or "", case.error)
    return f"{case.id}: {wrong} ({case.about})" if wrong else ""


def _judge_challenge(challenge: str, error: str) -> str:
    found = _PARAMETER.findall(challenge)
    parameters = dict(found)
    if not challenge.startswith("Bearer ") or len(parameters) != len(found) or "resource_metadata" not in parameters:
        return f"no Bearer challenge with resource_metadata and no parameter twice: {challenge!r}"
    if parameters.get("error", "") != error:
        return f"the challenge's error is {parameters.get('error')!r}, expected {error!r}"
    return ""


async def check_accepts(world: World, reach: Transport) -> str:
    """A battery proves nothing about a server that refuses everything: the good token must be good."""
    answer = await reach(listing(world, b"Bearer " + world.token()))
    return f"the good token is refused with {answer.status}" if answer.status in {401, 403, 421, 503} else ""


async def run(world: World, reach: Transport, cases: Iterable[Case] = CASES, *, mcp: bool = True) -> list[str]:
    """All that was not refused as it should be."""
    failures = [await check_accepts(world, reach)]
    failures += [judge(case, await reach(case.make(world))) for case in cases if mcp or not case.only_mcp]
    return [failure for failure in failures if failure]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Send every bad token and bad request of the battery to a server.")
    parser.add_argument("--resource", required=True, help="the server's resource identifier")
    parser.add_argument("--issuer", required=True, help="the issuer it trusts")
    parser.add_argument("--key", required=True, type=Path, help="that issuer's private key, PEM, EC P-256 or RSA")
    parser.add_argument("--kid", required=True, help="the key's kid in the issuer's JWK Set")
    parser.add_argument("--other", default="https://other.example/mcp", help="another resource of that issuer")
    parser.add_argument("--connect", help="host:port, when the resource's own name does not lead to the server")
    parser.add_argument("--baseline", default="mcp:read", help="the scope of the good token")
    parser.add_argument("--read-tool", default="list_notes", help="a tool within that scope")
    parser.add_argument("--beyond-tool", default="delete_note", help="a tool beyond that scope")
    parser.add_argument("--plain", action="store_true", help="the server is no MCP server")
    return parser.parse_args()


def _world(arguments: argparse.Namespace) -> World:
    key = load_pem_private_key(arguments.key.read_bytes(), None)
    if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        raise SystemExit("the key must be EC P-256 or RSA")
    world = World(
        resource=arguments.resource,
        other_resource=arguments.other,
        issuer=arguments.issuer,
        signer=Signer(key=key, kid=arguments.kid),
    )
    return replace(world, baseline=arguments.baseline, read_tool=arguments.read_tool, beyond_tool=arguments.beyond_tool)


def main() -> int:
    """Exit 0 when everything was refused, 1 with one line each otherwise."""
    arguments = _arguments()
    world = _world(arguments)
    failures = asyncio.run(run(world, over_socket(world, arguments.connect), mcp=not arguments.plain))
    sys.stdout.write("".join(f"{failure}\n" for failure in failures))
    count = sum(1 for case in CASES if not arguments.plain or not case.only_mcp)
    sys.stdout.write(f"{count - len(failures)} of {count} refused as they should be\n")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
