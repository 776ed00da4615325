"""Masters: who is behind an address and a listener (R6)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gateway.mapping.listeners import place_of
from gateway.mapping.networks import Network, is_in, network
from gateway.mapping.schema.control import MasterRow
from gateway.mapping.source import Location, Source
from gateway.model.command import NOBODY, Origin, Role

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
        return self.network is None or is_in(peer, (self.network,))


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
    source: Source, rows: Sequence[MasterRow], listeners: Collection[tuple[str, int]]
) -> Masters:
    """The masters of a site; what is wrong with them is reported at its place."""
    known: list[Master] = []
    for index, row in enumerate(rows):
        at = ("masters", index)
        listener = _listener(source, at, row, listeners)
        known_by = None if row.source is None else network(source, (*at, "from"), row.source)
        origin = Origin(row.name, _ROLES[row.role], row.priority, row.local)
        for other in known:
            if other.origin.name == row.name:
                source.report((*at, "name"), f"a master named '{row.name}' exists already")
            if (other.network, other.listener) == (known_by, listener):
                text = f"cannot be told apart from '{other.origin.name}' (R6)"
                source.report(at, text, "give each an address or a listener of its own")
        known.append(Master(origin, known_by, listener))
    return Masters(tuple(known))


def _listener(
    source: Source, at: Location, row: MasterRow, listeners: Collection[tuple[str, int]]
) -> tuple[str, int] | None:
    if row.at is None:
        return None
    listener = place_of(row.at)
    if listener not in listeners:
        text = f"no face listens at {row.at}"
        source.report((*at, "at"), text, "name the listen: of a face")
    return listener
