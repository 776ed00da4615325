"""Interlocks as a server's registers show them: which rows stand, where, since when, with what effects."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.cli.served import Served, Values, plain_number
from gateway.control.interlock import INTERLOCKS, WATCHED, Effect, Interlock
from gateway.mapping.shown import SHOWN
from gateway.model.point import Scope

POINTS = (
    "interlock_tripped", "interlock_cause", "interlock_rack", "interlock_value",
    "interlock_threshold", "interlock_age", "rack_effects",
)  # fmt: skip
CLOSING = Effect.BLOCK_CLOSE | Effect.OPEN
POWER = Effect.INHIBIT_CHARGE | Effect.INHIBIT_DISCHARGE | Effect.DERATE | Effect.ZERO | Effect.OPEN


@dataclass(frozen=True, slots=True)
class Stands:
    """An interlock that has tripped, or whose cause is there."""

    row: Interlock
    tripped: bool
    cause: bool
    rack: int
    "The first rack that it stands against; 0 is the container."
    value: float | None
    threshold: float | None
    age: float | None
    "Seconds since its cause came."

    @property
    def where(self) -> str:
        """The container, or the rack."""
        return f"rack {self.rack}" if self.rack else "container"

    @property
    def effects(self) -> str:
        """What it does, in the words of the table."""
        return effects_named(self.row.effects)

    @property
    def state(self) -> str:
        """Whether it acts, and whether its cause is there."""
        if not self.tripped:
            return "its delay runs"
        if self.cause:
            return "tripped"
        return "cause gone, waits for reset" if self.row.latches else "cause gone"

    @property
    def saw(self) -> str:
        """What it saw, with the threshold where it has one."""
        point = SHOWN[WATCHED[self.row.name].point] if self.row.name in WATCHED else None
        if self.value is None or point is None:
            return ""
        told = f"{self.value:g} {point.unit}"
        return told if self.threshold is None else f"{told}, threshold {self.threshold:g}"

    def as_row(self) -> dict[str, object]:
        """The same for scripts."""
        return {
            "interlock": self.row.name, "number": self.row.number, "rack": self.rack or None,
            "tripped": self.tripped, "cause": self.cause, "value": plain_number(self.value),
            "threshold": plain_number(self.threshold), "age": self.age,
            "effects": effects_named(self.row.effects).split(", "),
            "text": self.row.text, "remedy": self.row.remedy,
        }  # fmt: skip


def effects_named(effects: Effect) -> str:
    """Effects in words, in the order of the table."""
    found = [effect for effect in Effect if effect and effect in effects]
    return ", ".join(str(effect.name).lower().replace("_", " ") for effect in found) or "none"


def standing(values: Mapping[str, Values]) -> list[Stands]:
    """Every row that has tripped or whose cause is there, the heaviest effects first."""
    found = []
    for row in INTERLOCKS:
        tripped, cause, rack, value, threshold, age = (
            values[name].get((row.number,)) for name in POINTS[:6]
        )
        if tripped or cause:
            where = int(rack or 0) if row.scope is Scope.RACK else 0
            found.append(
                Stands(row, bool(tripped), bool(cause), where, value, threshold, age)
            )  # fmt: skip
    return sorted(found, key=lambda item: (not item.tripped, -item.row.effects, item.row.number))


def standing_at(server: Served) -> list[Stands]:
    """The same, read from a server; nothing where its map has no interlocks."""
    return standing(server.values(POINTS))


def against(rows: list[Stands], effect: Effect, rack: int = 0) -> list[Stands]:
    """Those that act and have an effect, at the container or the rack (0: any)."""
    return [
        item
        for item in rows
        if item.tripped and item.row.effects & effect and (not rack or item.rack in {0, rack})
    ]
