"""RFC 9728 §7.7 and MCP, Server-Side Request Forgery — which URLs named by a stranger may be fetched?"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Literal

from oauth_client.errors import AddressRefused

Place = Literal["loopback", "private", "public", "never"]

# One strict form, so that no second parser can read another host into it.
_URL = re.compile(r"(https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?][!-\[\]^_`a-z{|}~]*)?")
_ODD_NUMBER = re.compile(r"(?:.*\.)?(?:0[xX][0-9A-Fa-f]*|[0-9]+)\.?")
_NAT64 = IPv6Network("64:ff9b::/96")


def check_url(url: str, *, loopback: bool, private: bool) -> str:
    """Accept a URL for fetching: https to a public place; http, and other places, only where allowed.

    Does not decide where a name leads; whoever connects judges each address with `check_address`.
    """
    form = _URL.fullmatch(url)
    if not form or "#" in url:
        raise AddressRefused(url, "it is not a plain http or https URL (no user, no fragment, no unusual characters)")
    scheme, host = form[1], form[2].strip("[]").lower()
    place = _place_of_host(url, host)
    if scheme == "http" and place != "loopback":
        raise AddressRefused(url, "only https is fetched, except on loopback")
    check_place(url, place, loopback=loopback, private=private)
    return url


def check_place(url: str, place: Place, *, loopback: bool, private: bool) -> None:
    """Refuse the places that are not allowed, and those that never are."""
    if place == "never":
        raise AddressRefused(url, "its address is link-local, unspecified or reserved")
    if place == "loopback" and not loopback:
        raise AddressRefused(
            url, "it is on this machine while the resource is not; Policy(allow_loopback=True) allows it"
        )
    if place == "private" and not private:
        raise AddressRefused(url, "its address is private; Policy(allow_private=True) allows it")


def is_loopback_host(host: str) -> bool:
    """Is this host this machine, by its name or address alone? RFC 6761 §6.3."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _literal(name)
    return address is not None and place_of(address) == "loopback"


def place_of(address: IPv4Address | IPv6Address) -> Place:
    """Where an address is, seen through every form that hides an IPv4 address in an IPv6 one. RFC 6890."""
    address = _unwrapped(address)
    if address.is_loopback:
        return "loopback"
    if address.is_link_local or address.is_unspecified or address.is_multicast or address.is_reserved:
        return "never"
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    return "public" if address.is_global and not site_local else "private"


def _unwrapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address


def _place_of_host(url: str, host: str) -> Place:
    if is_loopback_host(host):
        return "loopback"
    address = _literal(host)
    if address is not None:
        return place_of(address)
    if _ODD_NUMBER.fullmatch(host):
        raise AddressRefused(url, "its host is a number in an unusual form")
    return "public"


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
