"""Operating a gateway over its registers: select, write, and look at what becomes of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.cli.assignments import EDGES, Assignment, written_as
from gateway.cli.reasons import reason_named
from gateway.cli.results import Told, new_result, results
from gateway.cli.served import Served
from gateway.cli.standing import CLOSING, Stands, against, standing_at
from gateway.control.interlock import Effect
from gateway.control.limit import Limiter
from gateway.links.modbus_client import RegistersRefused
from gateway.mapping.image import Table
from gateway.modbus.bank import Code
from gateway.model.command import NOBODY, POWER_COMMANDS, Reason, Stage

_SIDES = {
    side: tuple(f"{side}_{end}" for end in ("permitted", "power_allowed", "current_allowed", "bound_by"))
    for side in ("charge", "discharge")
}  # fmt: skip
_POWER, _REACTIVE = (
    tuple(f"{kind}_{end}" for end in ("requested", "applied", "limited_by", "remaining"))
    for kind in ("power", "reactive")
)
SHOWS: Mapping[str, Sequence[str]] = {
    "ems_heartbeat": ("heartbeat_age",),
    "power_setpoint": _POWER,
    "power_setpoint_percent": _POWER,
    "reactive_setpoint": _REACTIVE,
    "reactive_setpoint_percent": _REACTIVE,
    "charge_enable": _SIDES["charge"],
    "charge_current_cap": _SIDES["charge"],
    "discharge_enable": _SIDES["discharge"],
    "discharge_current_cap": _SIDES["discharge"],
    "lease": ("lease_owner", "lease_remaining"),
    "mode_request": ("mode",),
    "local_key": ("local",),
}
"What shows the effect of a command."
_BY_INTERLOCKS = {Reason.BLOCKED_BY_INTERLOCKING, Reason.BLOCKED_BY_MODE, Reason.TRIPPED}
_STANDS_AGAINST: Mapping[str, Effect] = {
    "connect": CLOSING,
    "rack_connect": CLOSING,
    "mode_request": Effect.ZERO | Effect.OPEN,
    "alarm_reset": Effect.LATCH,
}
"Effects of interlocks that a command can fail of."
_EXCEPTIONS = {
    1: "this master may not write it (exception 1): it needs the role {role}",
    2: "it cannot be written there (exception 2): is it the map {map}, in a site with control, and not read_only?",
    3: "value out of range (exception 3): it takes {range}{bound}",
    4: "refused by control (exception 4)",
}
_REMEDIES = {
    Reason.NO_AUTHORITY: "essgw lease takes the lease, or --lease SECONDS",
    Reason.LOCKED_BY_OTHER: "essgw lease shows who has it",
    Reason.NOT_SELECTED: "leave out --no-select",
    Reason.COMMUNICATION_LOST: "essgw lease --hold beats the heart",
}
"What who operates can do about a refusal, beside what the interlocks say."
_RAMP, _LATEST, _POLL = 3.0, 1.0, 0.05
"Seconds to wait for the end of a ramp, for the next cycle, between two looks."
_FRESH = 6.0
"Seconds for which a value that is held again has no new result: it is told anew after a pause alone."
_CYCLES = 2
"After the write: one may have begun before it."


class Step(NamedTuple):
    """One request that wrote something."""

    table: Table
    address: int
    "Of the first register or coil."
    text: str
    "What it said."


@dataclass(slots=True)
class Done:
    """One write, and what became of it."""

    items: Sequence[Assignment]
    steps: list[Step] = field(default_factory=list)
    "What was written, in order."
    result: Told | None = None
    shown: Mapping[str, float | None] = field(default_factory=dict)
    "Points that show its effect."
    against: Sequence[Stands] = ()
    failure: str = ""
    "Why it did not come about, in one line."

    @property
    def name(self) -> str:
        """What was asked."""
        rack = self.items[0].place.rack
        names = ", ".join(item.row.name for item in self.items)
        return f"{names} of rack {rack}" if rack else names


class Operator:
    """Writes to one server."""

    def __init__(self, server: Served, wait: float, *, selects: bool) -> None:
        """`wait` is for how long a command may take to become final."""
        self._server, self._wait, self._selects = server, wait, selects
        self._tells = server.shows("result_sequence")

    def write(
        self, group: Sequence[Assignment], select: Assignment | None = None, *, looks: bool = True
    ) -> Done:
        """Write what goes together; `select` arms it first; `looks` at what the next cycle makes of it."""
        done = Done(group)
        try:
            if select is not None and self._selects:
                self._act(done, select, 0)
                if done.failure:
                    return done
            if group[0].row.cyclic:
                self._set(done, group)
            else:
                self._act(done, group[0], self._wait)
        except RegistersRefused as refusal:
            self._refused(done, refusal)
        if done.failure:
            self._explain(done)
        if looks and (group[0].row.cyclic or not done.failure):
            done.shown = {**done.shown, **self._seen(group)}
        return done

    def _put(self, done: Done, group: Sequence[Assignment], value: float | None = None) -> None:
        """One function 16, or 15 of coils."""
        values = [item.given if value is None else value for item in group]
        pairs = list(zip(group, values, strict=True))
        told = ", ".join(f"{item.row.name} {item.spoken(one)}" for item, one in pairs)
        table, address = group[0].table, group[0].place.address
        done.steps.append(Step(table, address, told))
        words = [word for item, one in pairs for word in item.words(one)]
        self._server.reader.write(address, words, table)

    def _set(self, done: Done, group: Sequence[Assignment]) -> None:
        """Cyclic values: taken, whatever becomes of them; one that is held says why (R4)."""
        before = {told.sequence for told in results(self._server)}
        self._put(done, group)
        numbers, owner = {item.row.number for item in group}, self._server.value("lease_owner")
        for told in results(self._server):
            again = told.age < _FRESH and told.origin != owner
            held = told.stage == Stage.HELD and told.command in numbers
            if held and (told.sequence not in before or again):
                done.result, done.failure = told, f"{told.name}: {told}"
                return

    def _act(self, done: Done, item: Assignment, wait: float) -> None:
        """A one-shot: it acts on a change only, so it is changed (R3)."""
        before = {told.sequence for told in results(self._server)}
        number, rack = item.row.number, item.place.rack
        value = self._edge(item) if item.value is None else item.value
        try:
            changes = value and not item.row.repeats
            if changes and not self._tells and item.table is Table.COIL:
                self._put(
                    done, [item], 0
                )  # it may be 1, and nobody would say that nothing came of it
            self._put(done, [item], value)
            if changes and self._tells and new_result(self._server, before, number, rack) is None:
                self._put(done, [item], 0)
                self._put(done, [item], value)
        finally:
            done.result = new_result(self._server, before, number, rack, wait)
        self._judge(done, wait)

    def _edge(self, item: Assignment) -> float:
        """Another value than the row shows now; a bit has one that acts."""
        if item.table is Table.COIL:
            return 1
        words = self._server.reader.read(item.place.address, item.place.kind.words)
        shown = item.place.command(words, NOBODY).value
        return int(shown) % EDGES + 1

    def _judge(self, done: Done, wait: float) -> None:
        told = done.result
        if told is None or told.is_done:
            return
        if told.is_final:
            done.failure = f"{told.name}: {told}"
        elif wait:
            done.failure = f"{told.name}: {told}, still after {wait:g} s"

    def _refused(self, done: Done, refusal: RegistersRefused) -> None:
        """Say an exception in words."""
        row = done.items[0].row
        words = _EXCEPTIONS.get(refusal.code)
        if words is None:
            done.failure = str(refusal)
            return
        role, takes = row.role.name.lower(), f"{written_as(row)} {row.unit}".strip()
        bound = ", and the rating may bind it" if row.name in POWER_COMMANDS else ""
        told = words.format(role=role, range=takes, bound=bound, map=self._server.rows.rows.map)
        done.failure = f"{done.name}: {told}"
        if refusal.code == Code.SERVER_FAILURE and done.result is not None:
            name, reason = done.result.name, reason_named(done.result.reason)
            done.failure = f"{name}: {told}: {reason}"

    def _explain(self, done: Done) -> None:
        """What stands against it, by name."""
        if done.result is None:
            return
        effect = _STANDS_AGAINST.get(done.items[0].row.name, Effect.NONE)
        rack = done.items[0].place.rack
        if done.result.reason in _BY_INTERLOCKS:
            done.against = against(standing_at(self._server), effect, rack)
        done.shown = self._read(("mode", "first_out", "first_out_rack"))
        if done.against:
            done.failure += f" ({', '.join(item.row.name for item in done.against)})"
        if remedy := _REMEDIES.get(Reason(done.result.reason)):
            done.failure += f"; {remedy}"

    def _seen(self, group: Sequence[Assignment]) -> Mapping[str, float | None]:
        """What the next cycle made of it; of power after its ramp, if that is short."""
        names = tuple(
            dict.fromkeys(name for item in group for name in SHOWS.get(item.row.name, ()))
        )
        if not names:
            return {}
        start = time.monotonic()
        images = {self._server.value("image_counter")}
        while len(images) <= _CYCLES and time.monotonic() - start < _LATEST:
            time.sleep(_POLL)
            images.add(self._server.value("image_counter"))
        while True:
            seen = self._read(names)
            ramps = seen.get("power_limited_by") == Limiter.RAMP
            if not ramps or time.monotonic() - start > min(_RAMP, self._wait):
                return seen
            time.sleep(_POLL)

    def _read(self, names: Sequence[str]) -> dict[str, float | None]:
        values = self._server.values(names)
        return {name: values[name].get(()) for name in names if self._server.shows(name)}
