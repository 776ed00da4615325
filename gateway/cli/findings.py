"""What a gateway's registers say about why it does not close, or gives less power than asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.cli.results import Told, results
from gateway.cli.served import Served, plain_number, point_text
from gateway.cli.standing import CLOSING, Stands, standing_at
from gateway.control.interlock import Effect
from gateway.control.state import Mode, Phase, Wait
from gateway.errors import UsageError

_CONTAINER = (
    "mode", "mode_age", "local", "lease_owner", "lease_remaining", "heartbeat_age",
    "charge_permitted", "charge_power_allowed", "charge_current_allowed", "charge_bound_by",
    "discharge_permitted", "discharge_power_allowed", "discharge_current_allowed",
    "discharge_bound_by", "power_requested", "power_applied", "power_limited_by",
    "power_remaining", "reactive_requested", "reactive_applied", "reactive_limited_by",
    "reactive_remaining", "first_out", "first_out_rack", "first_out_age", "resets_needed",
)  # fmt: skip
_RACKS = (
    "rack_phase", "rack_wait", "rack_tries", "rack_enabled", "rack_effects", "rack_voltage",
    "rack_bus_voltage",
)  # fmt: skip
_CLOSING_MODES = {Mode.STANDBY, Mode.READY, Mode.RUN}
_OFF_BUS = {Phase.OPEN, Phase.WAITING, Phase.COOLING}


@dataclass(frozen=True, slots=True)
class Findings:
    """All that answers the question."""

    container: Mapping[str, float | None]
    racks: Mapping[int, Mapping[str, float]]
    "Control's points of each rack, by its number, and the voltages of both sides of its contactors."
    standing: Sequence[Stands]
    results: Sequence[Told]

    def number(self, name: str) -> float | None:
        """A point of the container; None where it has no value."""
        return self.container.get(name)

    def text(self, name: str) -> str:
        """The same in words, with its unit."""
        value = self.number(name)
        large = value is not None and abs(value) >= 100  # noqa: PLR2004 - three digits are enough
        return point_text(name, round(value) if large and value is not None else value)

    @property
    def effects(self) -> Effect:
        """What the container's own rows do, to all racks."""
        found = Effect.NONE
        for item in self.standing:
            if item.tripped and not item.rack:
                found |= item.row.effects
        return found

    @property
    def against_closing(self) -> list[str]:
        """What stands against closing any rack, in words; nothing where one may close."""
        mode = self.number("mode")
        found = [] if mode in _CLOSING_MODES else [f"not in mode {self.text('mode')}"]
        found += [
            f"{item.row.name}: {item.row.text}"
            for item in self.standing
            if item.tripped and not item.rack and item.row.effects & CLOSING
        ]
        return found or self._no_rack()

    def _no_rack(self) -> list[str]:
        """Why not one rack can close, if it is so."""
        off = [rack for rack in self.racks.values() if rack.get("rack_phase") in _OFF_BUS]
        if not off:
            return []
        enabled = [rack for rack in off if rack.get("rack_enabled")]
        if not enabled:
            return ["all racks that are open are disabled"]
        if all(int(rack.get("rack_effects") or 0) & CLOSING for rack in enabled):
            return ["interlocks stand against each rack that is open"]
        return []

    def as_row(self) -> dict[str, object]:
        """All of it for scripts."""
        points = {
            name: {"value": plain_number(value), "text": self.text(name)}
            for name, value in self.container.items()
        }
        return {
            "against_closing": self.against_closing,
            "points": points,
            "interlocks": [item.as_row() for item in self.standing],
            "racks": [
                {"rack": number} | {name: point_text(name, value) for name, value in rack.items()}
                for number, rack in self.racks.items()
            ],
            "results": [
                told._asdict() | {"command": told.name, "text": str(told)} for told in self.results
            ],
        }


def missing(rack: Mapping[str, float]) -> str:
    """What the bus lacks while a rack is precharged (R28); empty where nothing is known to lack."""
    volts, bus = rack.get("rack_voltage"), rack.get("rack_bus_voltage")
    if rack.get("rack_wait") != Wait.PRECHARGE or volts is None or bus is None:
        return ""
    return f"{abs(volts - bus):.0f} V of {volts:.0f} V missing"


def find(server: Served) -> Findings:
    """Ask a gateway; UsageError if its map does not show control."""
    if not server.shows("mode"):
        text = f"the map {server.rows.rows.map} does not show control"
        raise UsageError(f"{text}; --map and --unit choose another face")
    values = server.values((*_CONTAINER, *_RACKS))
    numbers = sorted({place[0] for name in _RACKS for place in values[name]})
    racks = {
        number: {
            name: values[name][number,] for name in _RACKS if (number,) in values[name]
        }
        for number in numbers
    }  # fmt: skip
    container = {name: values[name].get(()) for name in _CONTAINER}
    return Findings(container, racks, standing_at(server), results(server))
