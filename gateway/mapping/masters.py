"""Masters: who is behind an address, a listener and a certificate (R6)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gateway.mapping.listeners import Place, place_of
from gateway.mapping.networks import Network, is_in, network
from gateway.mapping.schema.control import MasterRow
from gateway.mapping.source import Location, Source
from gateway.model.command import NOBODY, Origin, Role

_ROLES = {role.name.lower(): role for role in Role}


@dataclass(frozen=True, slots=True)
class Credential:
    """What a certificate says of who shows it (MB-TCP-Security v36, R-21 to R-23); '' where it does not."""

    role: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Master:
    """One configured master."""

    origin: Origin
    network: Network | None
    listener: Place | None
    role: str | None = None
    "What its certificate says; None: it has none."
    name: str | None = None
    "The common name in it; any if None."

    @property
    def known_by(self) -> tuple[object, ...]:
        """What tells it from others."""
        return self.network, self.listener, self.role, self.name

    @property
    def rank(self) -> tuple[bool, bool, int]:
        """How narrowly it is described: the narrowest one that fits is meant; a name is signed, an address is not."""
        prefix = -1 if self.network is None else self.network.prefixlen
        return (self.name is not None, self.listener is not None, prefix)

    def is_at(self, peer: str, listener: Place, shown: Credential | None) -> bool:
        """Whether a connection can be its."""
        if self.listener is not None and self.listener != listener:
            return False
        if self.role != (None if shown is None else shown.role):
            return False
        if self.name is not None and shown is not None and self.name != shown.name:
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

    def at(self, peer: str, listener: Place) -> Origin:
        """Who connects from an address to a listener of the site; nobody in particular may read."""
        return self._meant(peer, listener, None) or NOBODY

    def shown(self, peer: str, listener: Place, credential: Credential) -> Origin | None:
        """Who connects with a certificate; None: somebody who may not even read (R-16, R-23)."""
        return self._meant(peer, listener, credential)

    def _meant(self, peer: str, listener: Place, shown: Credential | None) -> Origin | None:
        fitting = [master for master in self.known if master.is_at(peer, listener, shown)]
        return max(fitting, key=lambda master: master.rank).origin if fitting else None


def masters_of(
    source: Source, rows: Sequence[MasterRow], listeners: Collection[Place],
    secured: Collection[Place] = (),
) -> Masters:  # fmt: skip
    """The masters of a site; what is wrong with them is reported at its place. `secured` are the TLS listeners."""
    known: list[Master] = []
    for index, row in enumerate(rows):
        at = ("masters", index)
        listener = _listener(source, at, row, listeners)
        _check_certificate(source, at, row, listener, secured)
        net = None if row.source is None else network(source, (*at, "from"), row.source)
        origin = Origin(row.name, _ROLES[row.role], row.priority, row.local)
        master = Master(origin, net, listener, row.certificate_role, row.certificate_name)
        for other in known:
            if other.origin.name == row.name:
                source.report((*at, "name"), f"a master named '{row.name}' exists already")
            if other.known_by == master.known_by:
                text = f"cannot be told apart from '{other.origin.name}' (R6)"
                own = "an address or a listener" if master.role is None else "a certificate_name"
                source.report(at, text, f"give each {own} of its own")
        known.append(master)
    return Masters(tuple(known))


def _listener(
    source: Source, at: Location, row: MasterRow, listeners: Collection[Place]
) -> Place | None:
    if row.at is None:
        return None
    listener = place_of(row.at)
    if listener not in listeners:
        text = f"no face listens at {row.at}"
        source.report((*at, "at"), text, "name the listen: of a face")
    return listener


def _check_certificate(
    source: Source, at: Location, row: MasterRow, listener: Place | None, secured: Collection[Place]
) -> None:
    """Report a row that fits nobody: certificates are shown at TLS listeners, and there by everybody."""
    if row.certificate_role is None:
        if row.certificate_name is not None:
            text = "a name is not enough: the role says what a certificate is for"
            source.report((*at, "certificate_name"), text, "give certificate_role: too")
        if listener in secured:
            text = f"masters at {row.at} are known by certificates"
            source.report((*at, "at"), text, "give certificate_role:")
    elif listener not in secured if listener is not None else not secured:
        text = "nobody shows a certificate there" if row.at else "no listener has tls:"
        remedy = "give the listener certificates, tls:, or remove this"
        source.report((*at, "certificate_role"), text, remedy)
