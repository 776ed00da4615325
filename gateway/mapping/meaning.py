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
from gateway.mapping.schema import Numbers, SignalRow
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

    def field(self, rack: int, module: int, turn: int) -> Field | None:
        """The field for a rack, the module of the identifier (0: none) and a running index from 0.

        None where the row maps nothing, or only what the topology does not have.
        """
        row, signal = self.placed.row, self.placed.signal
        names = [row.point] if isinstance(row.point, str) else row.point or []
        points = [point for name in names if (point := self._point(name)) is not None]
        alarms = self._alarms(rack)
        elements = tuple(
            element
            for point in points
            if (element := self._element(point, rack, module, turn)) is not None
        )
        if not elements and not alarms:
            return None
        point = points[0] if points else None
        low, high = row.range or (None, None)
        if low is not None and high is not None and not low <= high:
            self._report("range", "the range is empty", "write the lower bound first")
        for key, number in (("scale", signal.scale), ("offset", signal.offset)):
            if not math.isfinite(number):
                self._report(key, f"the {key} of '{signal.name}' is no number")
        change = self._conversion(point)
        multiplier = change[0] * self._sign(point)
        return Field(
            signal, elements, multiplier, change[1], change[2], row.absolute, low, high,
            not_available=frozenset(self._codes("not_available", row.not_available)),
            valid_when=self._flags(),
            states=self._states(point) if point is not None and point.kind is Kind.STATE else None,
            alarms=alarms,
        )  # fmt: skip

    def _report(self, key: str, text: str, remedy: str = "") -> None:
        self.protocol.source.report((*self.placed.at, key), text, remedy)

    def _point(self, name: str) -> Point | None:
        point = self.layout.points.get(name)
        if point is None:
            self._report(
                "point", f"no point is named '{name}'", did_you_mean(name, self.layout.points)
            )
        return point

    def _element(self, point: Point, rack: int, module: int, turn: int) -> int | None:
        """Where a value goes; None outside the topology."""
        if 0 in self.layout.shape(point.name):
            return None
        indices = self._indices(rack, module, turn)
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

    def _indices(self, rack: int, module: int, turn: int) -> dict[str, int]:
        """What is known of the value's place; 0 where nothing is."""
        row = self.placed.row
        indices = {
            "rack": rack,
            "module": row.module or module,
            "cell": row.cell or 0,
            "sensor": row.sensor or 0,
        }
        indices |= {name: int(digits) for name, digits in self.placed.captured.items()}
        if row.over is not None and row.over not in self.placed.captured:
            indices[row.over] = turn + 1
        return indices

    def _sign(self, point: Point | None) -> float:
        row: SignalRow = self.placed.row
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
            name = pattern
            for placeholder, digits in self.placed.captured.items():
                name = name.replace(f"{{{placeholder}}}", digits)
            flag = self.signals.get(name) or self.signals.get(
                f"{name}_{self.placed.repetition + 1}"
            )
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
        alarms, signal = [], self.placed.signal
        for index, row in enumerate(self.placed.row.alarms):
            cause = CAUSE.get(row.cause)
            if cause is None:
                self.protocol.source.report(
                    (*self.placed.at, "alarms", index, "cause"),
                    f"no cause is named '{row.cause}'", did_you_mean(row.cause, CAUSE),
                )  # fmt: skip
                continue
            if row.bit is not None and (signal.coding is Coding.FLOAT or row.bit >= signal.length):
                self.protocol.source.report(
                    (*self.placed.at, "alarms", index, "bit"),
                    f"'{signal.name}' has no bit {row.bit}", "bits count from 0, the lowest",
                )  # fmt: skip
                continue
            element = self.layout.element(alarm_point(Level(row.level), cause), rack)
            codes = frozenset(self._codes("alarms", row.code))
            alarms.append(AlarmBit(element, codes, row.bit))
        return tuple(alarms)
