"""What a signal row means: which elements take the value, in which unit, and when there is none."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.canbus.signal import Coding, Signal
from gateway.canbus.table import AlarmBit, Field
from gateway.canbus.unit import CONVERSIONS, conversion
from gateway.mapping.fields import Placed
from gateway.mapping.notation import numbers
from gateway.mapping.protocol import Protocol
from gateway.mapping.schema.row import Numbers
from gateway.mapping.soundness import named
from gateway.mapping.source import did_you_mean
from gateway.model.alarm import CAUSE, Level, alarm_point
from gateway.model.pack import Layout
from gateway.model.point import AXES, Kind, Point


@dataclass(frozen=True, slots=True)
class Meaning:
    """One placed signal, to be given a meaning for a rack."""

    protocol: Protocol
    layout: Layout
    signals: Mapping[str, Signal]
    placed: Placed
    racks: Mapping[int, int]
    "The racks of the source, each with its address."

    def field(self, rack: int, module: int, turns: Mapping[str, int]) -> Field | None:
        """The field for a rack, the module of the identifier (0: none) and running indices from 0.

        None where the row maps nothing, or only what the topology does not have.
        """
        row, signal = self.placed.row, self.placed.signal
        known = self.layout.points
        points = [known[name] for name in named(row) if name in known]
        indices = self._indices(rack, module, turns)
        if indices is None:
            return None
        alarms = self._alarms(indices["rack"])
        elements = tuple(
            element for point in points if (element := self._element(point, indices)) is not None
        )
        if not elements and not alarms:
            return None
        point = points[0] if points else None
        change = self._conversion(point)
        multiplier = change[0] * self._sign(point)
        low, high = self._range(point)
        return Field(
            signal, elements, multiplier, change[1], change[2], row.absolute, low, high,
            not_available=frozenset(self._codes("not_available", row.not_available)),
            valid_when=self._flags(),
            states=self._states(point) if point is not None and point.kind is Kind.STATE else None,
            alarms=alarms,
        )  # fmt: skip

    def _range(self, point: Point | None) -> tuple[float | None, float | None]:
        """What the row says; a limit is never below 0."""
        low, high = self.placed.row.range or (None, None)
        if point is not None and point.kind is Kind.LIMIT:
            return max(low or 0.0, 0.0), math.inf if high is None else high
        return low, high

    def _report(self, key: str, text: str, remedy: str = "") -> None:
        self.protocol.source.report((*self.placed.at, key), text, remedy)

    def _element(self, point: Point, known: Mapping[str, int]) -> int | None:
        """Where a value goes; None outside the topology."""
        if 0 in self.layout.shape(point.name):
            return None
        indices = dict(known)
        members = {"cell": self.layout.topology.cells, "sensor": self.layout.topology.sensors}
        wanted = AXES[point.scope]
        inner = wanted[-1] if wanted else ""
        if members.get(inner) and indices[inner] and not indices["module"]:
            behind, place = divmod(indices[inner] - 1, members[inner])
            indices["module"], indices[inner] = behind + 1, place + 1
        if lacking := [name for name in wanted if not indices[name]]:
            text = f"'{point.name}' needs a {lacking[0]}"
            self._report("point", text, f"give {lacking[0]}:, or over: {lacking[0]}")
            return None
        try:
            return self.layout.element(point.name, *(indices[name] for name in wanted))
        except IndexError as error:
            counted = self.placed.row.over is not None and not self.placed.captured
            if not counted and self.placed.row.outside != "drop":
                self._report("point", str(error), "correct the topology, or say outside: drop")
            return None

    def _indices(self, rack: int, module: int, turns: Mapping[str, int]) -> dict[str, int] | None:
        """What is known of the value's place, 0 where nothing is; None if it belongs to no rack here."""
        row, named = self.placed.row, self.placed.indices
        for name, index in named.items():
            if index < 1 and name != "rack":
                remedy = f"if the names count from 0, write {{{name}+1}}"
                self._report(
                    "point", f"'{self.placed.signal.name}' would be {name} {index}", remedy
                )
                return None
        whose = self._rack(rack, turns)
        if whose is None:
            return None
        running = {name: turn + 1 for name, turn in turns.items()}
        fixed = {"module": row.module or module, "cell": row.cell or 0, "sensor": row.sensor or 0}
        return fixed | running | dict(named) | {"rack": whose}

    def _rack(self, rack: int, turns: Mapping[str, int]) -> int | None:
        """The rack that a value belongs to: by the address in its name, by its turn, or the identifier's."""
        if "rack" in self.placed.indices:
            address = self.placed.indices["rack"]
            by_address = {address: number for number, address in self.racks.items()}
            if address not in by_address and self.placed.row.outside != "drop":
                text = f"no rack of this source has the address {address}"
                self._report("point", text, "correct racks: or address:, or say outside: drop")
            return by_address.get(address)
        if "rack" in turns:
            return dict(enumerate(self.racks)).get(turns["rack"])
        return rack

    def _sign(self, point: Point | None) -> float:
        row = self.placed.row
        if row.sign is not None:
            return row.sign
        charges = self.protocol.rows.positive == "charge"
        return -1 if point is not None and point.signed and charges else 1

    def _conversion(self, point: Point | None) -> tuple[float, float, float]:
        if point is None:
            return 1, 1, 0
        unit = self.placed.signal.unit
        change = conversion(unit, point.unit)
        if change is None:
            known = ", ".join(
                name for name, item in CONVERSIONS.items() if name and item.unit == point.unit
            )
            text = f"'{unit}' is no unit of '{point.name}'"
            self._report("unit", text, f"give unit: one of {known}" if known else "give unit: ''")
            return 1, 1, 0
        return change.multiplier, change.divisor, change.offset

    def _codes(self, key: str, text: Numbers | None) -> tuple[int, ...]:
        try:
            return () if text is None else tuple(self._raw(code) for code in numbers(text))
        except ValueError as error:
            self._report(key, str(error))
            return ()

    def _raw(self, code: int) -> int:
        """A code as the signal reads it: 0xFFFF of a signed signal of 16 bits is -1."""
        signal = self.placed.signal
        if signal.coding is Coding.FLOAT:
            return code
        least = -(1 << signal.length - 1) if signal.coding is Coding.SIGNED else 0
        if not least <= code < 1 << signal.length:
            self._report(
                "point", f"{code} cannot come in the {signal.length} bits of '{signal.name}'"
            )
        if signal.coding is Coding.SIGNED and code >> signal.length - 1 == 1:
            return code - (1 << signal.length)
        return code

    def _flags(self) -> tuple[tuple[Signal, int], ...]:
        flags = []
        for pattern, value in self.placed.row.valid_when.items():
            name, flag = self.placed.flag(pattern, self.signals)
            if flag is None:
                self._report(
                    "valid_when", f"no signal '{name}' here", did_you_mean(name, self.signals)
                )
            else:
                flags.append((flag, value))
        return tuple(flags)

    def _states(self, point: Point) -> Mapping[int, int]:
        given = self.placed.row.states
        if given is None:
            return {state: state for state in point.states}
        numbers_of = {text: state for state, text in point.states.items()}
        states = {}
        for raw, meant in given.items():
            state = numbers_of.get(meant) if isinstance(meant, str) else meant
            if state not in point.states:
                self._report(
                    "states",
                    f"'{meant}' is no state of '{point.name}'",
                    did_you_mean(str(meant), numbers_of),
                )
            elif state is not None:
                states[self._raw(raw)] = state
        return states

    def _alarms(self, rack: int) -> tuple[AlarmBit, ...]:
        alarms = []
        for index, row in enumerate(self.placed.row.alarms):
            cause = CAUSE.get(row.cause)
            if cause is None:
                self.protocol.source.report(
                    (*self.placed.at, "alarms", index, "cause"),
                    f"no cause is named '{row.cause}'", did_you_mean(row.cause, CAUSE),
                )  # fmt: skip
                continue
            element = self.layout.element(alarm_point(Level(row.level), cause), rack)
            codes = frozenset(self._codes("alarms", row.code))
            alarms.append(AlarmBit(element, codes, row.bit))
        return tuple(alarms)
