"""What names a row's frames: the database's message, and the identifiers that racks, modules and pages give."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.canbus.frame import EXTENDED, IDENTIFIER, STANDARD_IDENTIFIER, key_of
from gateway.mapping.database import Described
from gateway.mapping.fields import Placed
from gateway.mapping.notation import identifier_at, indices_in
from gateway.mapping.pages import Where
from gateway.mapping.protocol import Protocol
from gateway.mapping.schema.frames import IdRow, MessageRow
from gateway.mapping.source import Location, did_you_mean
from gateway.model.pack import Topology

_LONGEST = 64  # bytes, CAN FD
_CLASSIC = 8  # bytes


@dataclass(frozen=True, slots=True)
class Naming:
    """The names and identifiers of a protocol's rows, for the racks that speak it."""

    protocol: Protocol
    topology: Topology
    buses: Mapping[str, str]
    racks: Mapping[int, int]
    "The address in identifiers of each rack."

    def identifier(
        self, at: Location, row: MessageRow, described: Described | None
    ) -> int | str | IdRow | None:
        """What stands for the identifiers; None, and a problem, if the row has none, or no bus."""
        if row.bus not in self.buses:
            text = f"the site gives no bus for '{row.bus}'"
            self.protocol.source.report((*at, "bus"), text, did_you_mean(row.bus, self.buses))
            return None
        if row.id is None and described is not None:
            return described.key & IDENTIFIER
        return row.id

    def frames(
        self, at: Location, row: MessageRow, described: Described | None
    ) -> list[tuple[int, Where]]:
        """The key of each frame and whose it is; none, and a problem, where one is no identifier."""
        identifier, wide = self.identifier(at, row, described), row.extended
        if identifier is None:
            return []
        if wide is None and described is not None and row.id is None:
            wide = bool(described.key & EXTENDED)
        found = []
        for where in self._instances(indices_in(identifier), row):
            key = self._key(at, identifier, where, wide=wide)
            if key is None:
                return []
            found.append((key, where))
        return found

    def length(
        self, at: Location, row: MessageRow, placed: Sequence[Placed], described: Described | None
    ) -> int:
        """The bytes of a frame: as the row says, else the database, else what the signals need."""
        if row.length is not None:
            return row.length
        if described is not None:
            return described.length
        needed = max((part.signal.bytes_needed() for part in placed), default=0)
        if _CLASSIC < needed <= _LONGEST:
            text = f"the signals need {needed} bytes; a classic frame has {_CLASSIC}"
            self.protocol.source.report(
                at, text, f"say length: {needed} if these are CAN FD frames"
            )
        return min(needed, _LONGEST)

    def described(self, at: Location, row: MessageRow) -> Described | None:
        """The database's message that a row names."""
        database, source = self.protocol.database, self.protocol.source
        if row.message is None or database is None:
            if row.id is None or row.message is not None:
                source.report(at, "a message needs an id, or a database and its message's name")
            return None
        if row.message in database.doubled:
            text = f"several messages of the database are named '{row.message}'"
            source.report((*at, "message"), text, "describe this one in place")
        if row.message not in database.messages:
            near = did_you_mean(row.message, database.messages)
            source.report((*at, "message"), f"no message '{row.message}' in the database", near)
        return database.messages.get(row.message)

    def _key(
        self, at: Location, identifier: int | str | IdRow, where: Where, *, wide: bool | None
    ) -> int | None:
        """The key for some indices; None, and a problem, if the identifier is none."""
        source = self.protocol.source
        try:
            number = identifier_at(identifier, where.numbers)
        except ValueError as error:
            source.report((*at, "id"), f"is no identifier: {error}")
            return None
        extended = number > STANDARD_IDENTIFIER if wide is None else wide
        if not 0 <= number <= (IDENTIFIER if extended else STANDARD_IDENTIFIER):
            text = f"0x{number:X} is no CAN identifier"
            source.report((*at, "id"), text, "standard ones have 11 bits, extended ones 29")
            return None
        return key_of(number, extended=extended)

    def _instances(self, carried: frozenset[str], row: MessageRow) -> Iterator[Where]:
        """Every combination of the indices that the identifier carries."""
        modules = range(1, self.topology.modules + 1) if "module" in carried else (0,)
        pages = range(1, row.pages + 1) if "page" in carried else (0,)
        racks = self.racks if "rack" in carried else dict(itertools.islice(self.racks.items(), 1))
        for (rack, address), module, page in itertools.product(racks.items(), modules, pages):
            yield Where(rack, module, page, {"rack": address, "module": module, "page": page})
