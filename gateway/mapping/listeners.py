"""Listeners: whom a Modbus TCP address of the site serves, how many at once, and what unknown unit ids are answered."""

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from gateway.mapping.certificates import Tls, tls_of, wrong_with
from gateway.mapping.networks import Network, is_in, network
from gateway.mapping.schema.site import ListenerRow, SiteFile
from gateway.mapping.source import Location, Source, did_you_mean

LAST_PORT = 65535
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


class Framing(StrEnum):
    """How requests and answers are framed over TCP."""

    TCP = "tcp"
    "With a header of their own (MSG V1.0b clause 3.1.3)."
    RTU = "rtu"
    "As on a serial line: unit id, PDU, checksum."


class Parity(StrEnum):
    """The parity of characters on a serial line."""

    EVEN = "even"
    ODD = "odd"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Line:
    """A serial line; the defaults are those that every device must have (MODBUS over serial line V1.02, clause 2.5.1)."""

    baud: int = 19200
    parity: Parity = Parity.EVEN
    stop_bits: int = 1
    silence: float = 0.005
    "s without a byte that end a frame."
    echoes: bool = False
    "Whether the adapter hears what it sends."


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
    line: Line = Line()
    tls: Tls | None = None
    "Its certificates, where masters must have some too."
    framing: Framing = Framing.TCP

    def allows(self, peer: str) -> bool:
        """Whether an address may connect."""
        return self.allowed is None or is_in(peer, self.allowed)

    def is_prior(self, peer: str) -> bool:
        """Whether an address belongs to the priority pool."""
        return is_in(peer, self.prior)


ANYBODY = Listening()
"The rules of a listener that the site says nothing of."


def place_of(address: str) -> Place:
    """Host and port of an address as site files write it; of a serial line its path, and 0."""
    if address.startswith("/"):
        return address, 0
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def listenings(
    source: Source, rows: Sequence[ListenerRow], places: Mapping[Place, str], folder: Path
) -> dict[Place, Listening]:
    """The rules of each listener that has some, with files in a folder; `places` are those where faces listen."""
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
            UnknownUnit(row.unknown_unit), row.read_only, _line(source, at, row),
            _tls(source, (*at, "tls"), row, folder), Framing(row.framing),
        )  # fmt: skip
    return found


def metrics_of(source: Source, rows: SiteFile) -> Place | None:
    """Where metrics are served; an address of faces is taken, and the extra `[metrics]` may be missing."""
    if rows.metrics is None:
        return None
    place = place_of(rows.metrics)
    if place[1] > LAST_PORT:
        source.report(("metrics",), f"{place[1]} is no TCP port", "0 to 65535")
    if place in [place_of(face.listen) for face in rows.faces]:
        source.report(("metrics",), f"faces listen at {rows.metrics}", "give it a port of its own")
    if importlib.util.find_spec("prometheus_client") is None:
        text = "metrics need the package prometheus-client"
        source.report(("metrics",), text, "pip install 'ess-gateway[metrics]'")
    return place


_USUAL = Line()
_CHARACTER = 11
"Bits of a character on the line."
_FAST, _FAST_SILENCE = 19200, 0.00175
"Above that speed, frames are always so far apart (clause 2.5.1.1)."
_LINE = ("baud", "parity", "stop_bits", "silence", "echo")
_NETWORK = ("allow", "priority", "connections", "per_address", "unknown_unit", "framing", "tls")


def _line(source: Source, at: Location, row: ListenerRow) -> Line:
    """The numbers of a serial line; what does not belong to its kind of listener is reported."""
    is_line = row.at.startswith("/")
    for key in _NETWORK if is_line else _LINE:
        if key in row.model_fields_set:
            what = "a serial line has no connections" if is_line else "is of serial lines"
            source.report((*at, key), what, "remove it")
    baud, parity = row.baud or _USUAL.baud, Parity(row.parity or _USUAL.parity)
    gap = _FAST_SILENCE if baud > _FAST else 3.5 * _CHARACTER / baud
    silence = max(gap, _USUAL.silence) if row.silence is None else row.silence
    if silence < gap:
        text = f"frames are {1000 * gap:.3g} ms apart at {baud} baud"
        source.report((*at, "silence"), text, "give more")
    stops = row.stop_bits or (2 if parity is Parity.NONE else 1)
    return Line(baud, parity, stops, silence, row.echo)


def _tls(source: Source, at: Location, row: ListenerRow, folder: Path) -> Tls | None:
    """The certificates of a listener; what is wrong with the files is reported where they are named."""
    if row.tls is None:
        return None
    found = tls_of(source, at, row.tls, folder)
    source.problems += wrong_with(found)
    return found


def _networks(source: Source, at: Location, texts: Sequence[str]) -> tuple[Network, ...]:
    found = (network(source, (*at, index), text) for index, text in enumerate(texts))
    return tuple(item for item in found if item is not None)
