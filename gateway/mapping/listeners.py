"""Listeners: whom a Modbus TCP address of the site serves, how many at once, and what unknown unit ids are answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.mapping.networks import Network, is_in, network
from gateway.mapping.schema.site import ListenerRow
from gateway.mapping.source import Location, Source, did_you_mean

Place = tuple[str, int]
"Host and port."


class UnknownUnit(StrEnum):
    """What a request for a unit id is answered that nobody is behind (APP V1.1b3 clause 7, gateway use)."""

    UNAVAILABLE = "unavailable"
    "Exception 0A: there is no path."
    NO_RESPONSE = "no_response"
    "Exception 0B: the target does not respond."
    SILENT = "silent"
    "Nothing, as on a serial line."


@dataclass(frozen=True, slots=True)
class Listening:
    """The rules of one listener (MSG V1.0b clauses 4.2.1.1 and 4.2.3)."""

    allowed: Sequence[Network] | None = None
    "Who may connect; None: anybody."
    prior: Sequence[Network] = ()
    "Whose connections make no room for others."
    most: int = 128
    "Connections at once."
    most_of_one: int = 128
    "Of these, from one address."
    unknown_unit: UnknownUnit = UnknownUnit.UNAVAILABLE
    is_read_only: bool = False

    def allows(self, peer: str) -> bool:
        """Whether an address may connect."""
        return self.allowed is None or is_in(peer, self.allowed)

    def is_prior(self, peer: str) -> bool:
        """Whether an address belongs to the priority pool."""
        return is_in(peer, self.prior)


ANYBODY = Listening()
"The rules of a listener that the site says nothing of."


def place_of(address: str) -> Place:
    """Host and port of an address as site files write it."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def listenings(
    source: Source, rows: Sequence[ListenerRow], places: Mapping[Place, str]
) -> dict[Place, Listening]:
    """The rules of each listener that has some; `places` are those where faces listen, as they are written."""
    found: dict[Place, Listening] = {}
    for index, row in enumerate(rows):
        at, place = ("listeners", index), place_of(row.at)
        if place not in places:
            near = did_you_mean(row.at, places.values())
            source.report((*at, "at"), f"no face listens at {row.at}", near)
        if place in found:
            source.report((*at, "at"), f"{row.at} has rules already", "remove one")
        per_address = row.connections if row.per_address is None else row.per_address
        if per_address > row.connections:
            source.report((*at, "per_address"), f"more than all {row.connections}", "lower it")
        found[place] = Listening(
            None if row.allow is None else _networks(source, (*at, "allow"), row.allow),
            _networks(source, (*at, "priority"), row.priority), row.connections, per_address,
            UnknownUnit(row.unknown_unit), row.read_only,
        )  # fmt: skip
    return found


def _networks(source: Source, at: Location, texts: Sequence[str]) -> tuple[Network, ...]:
    found = (network(source, (*at, index), text) for index, text in enumerate(texts))
    return tuple(item for item in found if item is not None)
