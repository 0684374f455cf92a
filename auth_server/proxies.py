"""Who sent a request: the other end of the connection, unless that is a proxy of the operator's own. RFC 7239 §8.1."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]


def networks(texts: Sequence[str]) -> Networks:
    """The operator's proxies. Raises ValueError for what is no network."""
    return tuple(ip_network(text) for text in texts)


def sender(peer: str, forwarded: Sequence[str], proxies: Networks) -> str:
    """The address that a request came from, given the values of X-Forwarded-For.

    Read from the right, and only as far as proxies of our own wrote: anybody can write what stands to the left.
    """
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    address = peer
    while hops and _within(address, proxies):
        hop = hops.pop()
        if not _is_address(hop):
            break
        address = hop
    return address


def _within(address: str, proxies: Networks) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in proxies)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
