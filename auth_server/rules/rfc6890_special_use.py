"""RFC 6890 and the IANA registries it made — Is this an address of the public internet?

Refuses more than is "not globally reachable" there: whatever carries an IPv4 address inside an IPv6 one could
lead anywhere. Does not decide whether somebody's router leads a public address inwards.
"""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # looks public, and is the platform's own service inside Azure
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
# Everything else is special: mapped, compatible, NAT64, unique local, link-local, site-local, multicast.
_GLOBAL_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",
    )
)


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver gives it, is one of the public internet. What is no address is not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        return found in _GLOBAL_6 and not any(found in network for network in _NOT_PUBLIC_6)
    return not any(found in network for network in _NOT_PUBLIC_4)


def is_loopback_address(address: str) -> bool:
    """Whether an IP address is 127.0.0.0/8 or ::1; no mapped form counts."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return found == IPv6Address("::1") if isinstance(found, IPv6Address) else found in IPv4Network("127.0.0.0/8")
