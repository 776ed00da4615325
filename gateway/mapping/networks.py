"""Addresses and networks that a site file names, and whether a peer is in one."""

import ipaddress
from collections.abc import Iterable

from gateway.mapping.source import Location, Source

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network(source: Source, at: Location, text: str) -> Network | None:
    """The network, or single address, that a text names; reported at its place if it is none."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        wrong = f"'{text}' is no address or network"
        source.report(at, wrong, "like 10.0.0.5 or 10.0.0.0/24")
        return None


def is_in(peer: str, networks: Iterable[Network]) -> bool:
    """Whether a peer's address is in one of some networks; an IPv4 address may come as an IPv6 one."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    known = getattr(address, "ipv4_mapped", None) or address
    return any(known in item for item in networks)
