"""Masters: who is behind an address and a listener (R6)."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.mapping.schema.control import MasterRow
from gateway.mapping.source import Location, Source
from gateway.model.command import NOBODY, Origin, Role

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_ROLES = {role.name.lower(): role for role in Role}


@dataclass(frozen=True, slots=True)
class Master:
    """One configured master."""

    origin: Origin
    network: Network | None
    listener: tuple[str, int] | None

    @property
    def rank(self) -> tuple[int, int]:
        """How narrowly it is described: the narrowest one that fits is meant."""
        return (self.listener is not None, -1 if self.network is None else self.network.prefixlen)

    def is_at(self, peer: str, listener: tuple[str, int]) -> bool:
        """Whether a connection can be its."""
        if self.listener is not None and self.listener != listener:
            return False
        if self.network is None:
            return True
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address) in self.network


@dataclass(frozen=True, slots=True)
class Masters:
    """All of them."""

    known: Sequence[Master] = ()

    @property
    def origins(self) -> tuple[Origin, ...]:
        """In the order of the site file."""
        return tuple(master.origin for master in self.known)

    def at(self, peer: str, listener: tuple[str, int]) -> Origin:
        """Who connects from an address to a listener of the site; nobody in particular may read."""
        fitting = [master for master in self.known if master.is_at(peer, listener)]
        return max(fitting, key=lambda master: master.rank).origin if fitting else NOBODY


def masters_of(
    source: Source, rows: Sequence[MasterRow], listeners: set[tuple[str, int]]
) -> Masters:
    """The masters of a site; what is wrong with them is reported at its place."""
    known: list[Master] = []
    for index, row in enumerate(rows):
        at = ("masters", index)
        listener = _listener(source, at, row, listeners)
        network = _network(source, at, row)
        origin = Origin(row.name, _ROLES[row.role], row.priority, row.local)
        for other in known:
            if other.origin.name == row.name:
                source.report((*at, "name"), f"a master named '{row.name}' exists already")
            if (other.network, other.listener) == (network, listener):
                text = f"cannot be told apart from '{other.origin.name}' (R6)"
                source.report(at, text, "give each an address or a listener of its own")
        known.append(Master(origin, network, listener))
    return Masters(tuple(known))


def _listener(
    source: Source, at: Location, row: MasterRow, listeners: set[tuple[str, int]]
) -> tuple[str, int] | None:
    if row.at is None:
        return None
    host, _, port = row.at.rpartition(":")
    listener = host.strip("[]"), int(port)
    if listener not in listeners:
        text = f"no face listens at {row.at}"
        source.report((*at, "at"), text, "name the listen: of a face")
    return listener


def _network(source: Source, at: Location, row: MasterRow) -> Network | None:
    if row.source is None:
        return None
    try:
        return ipaddress.ip_network(row.source)
    except ValueError:
        text = f"'{row.source}' is no address or network"
        source.report((*at, "from"), text, "like 10.0.0.5 or 10.0.0.0/24")
        return None
