"""How each interlock is forced from outside the gateway, and how its cause is taken away again.

Rules of the table:
- rows 1-64 are reported by a unit of the rack, row by row;
- rows of the site's thresholds see a signal that the BMU tells wrong, beyond the threshold;
- everything else has a row of its own here; what `begin` does, `end` takes back.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scenarios.disturbed import THRESHOLDS, Disturbed

from gateway.control.interlock import Interlock

Act = Callable[[Disturbed, int], object]
REPORTED = 64
OURS = 0x190101A0
"The request to rack 1, which only the gateway may send."


@dataclass(frozen=True, slots=True)
class Forcing:
    """How one row is forced on a rack."""

    how: str
    begin: Act
    end: Act
    wait: float = 0.3
    "s until the row acts."
    after: float = 0.3
    "s until its cause is known to be gone."
    value: float | None = 1.0
    "What the row sees; None: an age, which depends on the cycle."
    company: frozenset[int] = frozenset()
    "Rows that may come with it by the same cause."
    asks: bool = False
    "Whether forcing it takes a disconnect of the rack."
    seems_closed: bool = False
    "Whether an open rack seems to conduct: the mode is fault then, and no rack joins."
    reset_ends: bool = False
    "Whether its cause is what a reset takes back: it cannot stand against that."
    holds_power: bool = False
    "Whether another rule takes power away as well."
    reaches_pcs: bool = True
    "Whether words still get to the PCS."
    keeps_closed: bool = False
    "Whether it takes a rack on the bus: rack 2 alone is opened, to be connected again."
    told: bool = True
    "Whether a rack that is let join is told so within a second."


def _reported(row: Interlock) -> Forcing:
    def begin(plant: Disturbed, rack: int) -> None:
        plant.reports.add((rack, row.number))

    def end(plant: Disturbed, rack: int) -> None:
        plant.reports.discard((rack, row.number))

    _, level, cause = row.name.split("_", 2)
    return Forcing(f"a unit of rack 1 reports {level} `{cause}`", begin, end)


def _telling(how: str, value: float, wait: float = 0.3, **signals: float) -> Forcing:
    """The BMU tells signals wrong, and then right again."""
    (name, raw), *_ = signals.items()
    text = how or f"rack 1's BMU tells `{name}` {raw:g}"
    return Forcing(
        text, lambda plant, rack: plant.told.update({rack: dict(signals)}),
        lambda plant, rack: plant.told.pop(rack), wait, wait, value,
    )  # fmt: skip


def _misjudge(plant: Disturbed, rack: int) -> None:
    plant.push(0)
    plant.told[rack] = {"RackSoC": 8}


_CLOSED = {"ContactorPositive": 1, "ContactorNegative": 1, "RackState": 3}
_OPEN = {"ContactorPositive": 0, "ContactorNegative": 0, "ContactorPrecharge": 0, "RackState": 1}


def _seem_closed(plant: Disturbed, rack: int) -> None:
    plant.told[rack] = dict(_CLOSED)
    plant.disconnect(rack)


def _never_close(plant: Disturbed, rack: int) -> None:
    plant.push(0)
    plant.disconnect(rack)
    plant.run(2)
    plant.told[rack] = dict(_OPEN)
    plant.connect(rack)


def _never_speak(plant: Disturbed, rack: int) -> None:
    plant.closed.plant.faults.add("silent", rack)
    plant.start()
    plant.work(5.2)


def _replay(plant: Disturbed, _: int) -> None:
    plant.start(data="replay")
    plant.work(0.5)


def _forget(plant: Disturbed, _: int) -> None:
    plant.journal.kept["control C1"] = "{"
    plant.start()
    plant.work(0.5)


def _restart(plant: Disturbed, _: int) -> None:
    plant.foreign.clear()
    plant.start()
    plant.work()


def _repaired(plant: Disturbed, _: int) -> None:
    plant.closed.plant.faults.clear("pcs_trip")
    plant.closed.plant.pcs.reset()


def _set(**values: object) -> Act:
    """Attributes of the plant's disturbance."""

    def act(plant: Disturbed, _: int) -> None:
        for name, value in values.items():
            setattr(plant, name, value)

    return act


def _cut(seconds: float, company: frozenset[int] = frozenset()) -> Forcing:
    return Forcing(
        "rack 1's frames with limits do not arrive",
        lambda plant, rack: plant.cut.add((rack, 0x11)),
        lambda plant, rack: plant.cut.discard((rack, 0x11)),
        seconds, value=None, company=company,
    )  # fmt: skip


def _link(name: str, how: str, *, broken: bool, wait: float, company: frozenset[int]) -> Forcing:
    """One of the plant's links fails."""
    return Forcing(
        how, lambda plant, _: setattr(plant.closed, name, broken),
        lambda plant, _: setattr(plant.closed, name, not broken), wait, 0.8,
        value=1 if name == "deaf" else None, company=company, reaches_pcs=name == "deaf",
    )  # fmt: skip


_NONE: Act = lambda _, __: None  # noqa: E731 - an act like the others
_ALONE: frozenset[int] = frozenset()

# fmt: off
FORCED: Mapping[str, Forcing] = {
    "limits_stale": _cut(1.3),
    "limits_lost": _cut(10.3, frozenset({65})),
    "contactor_mismatch": Forcing("rack 1 is disconnected, and goes on telling that it is closed", _seem_closed, lambda plant, rack: plant.told.pop(rack), 4.2, asks=True, seems_closed=True),
    "precharge_lockout": Forcing("rack 1 is connected, and goes on telling that it is open", _never_close, lambda plant, rack: plant.told.pop(rack), 4.8, 5.3, value=None, asks=True),
    "never_heard": Forcing("rack 1's BMU is silent from the gateway's start on", _never_speak, lambda plant, rack: plant.closed.plant.faults.clear("silent", rack), after=0.8, told=False, holds_power=True),  # R20
    "bus_silent": _link("deaf", "the CAN bus is cut", broken=True, wait=0.8, company=frozenset({65})),
    "ems_lost": Forcing("the EMS's heartbeat stops", _set(beats=False), _set(beats=True), 5.2, holds_power=True),  # R10
    "trip": Forcing("a master writes `trip`; the end: `trip_release`", lambda plant, _: plant.once(61106), lambda plant, _: plant.once(61107)),
    "software_stop": Forcing("a master writes `software_stop`; the reset ends it", lambda plant, _: plant.once(61108), _NONE, reset_ends=True),
    "duplicate_master": Forcing("somebody else sends the request to rack 1; the end: a restart of the gateway", lambda plant, _: plant.foreign.append(OURS), _restart),
    "pcs_lost": _link("pcs_alive", "the PCS does not answer", broken=False, wait=2.3, company=_ALONE),
    "pcs_fault": Forcing("the PCS trips of itself; the end: its own reset", lambda plant, _: plant.closed.plant.faults.add("pcs_trip"), _repaired),
    "journal_failed": Forcing("the journal's disk is full", lambda plant, _: setattr(plant.journal, "failed", "the disk is full"), lambda plant, _: setattr(plant.journal, "failed", "")),
    "not_live": Forcing("the gateway is started on replayed data", _replay, _restart),
    "bus_inconsistent": Forcing("the PCS tells 60 A more than flow", _set(astray=600), _set(astray=0), 5.5, 61, value=None),
    "cell_voltage_high": _telling("", 3.5, 1.3, CellV_001=3500),
    "cell_voltage_low": _telling("", 3.0, 1.3, CellV_001=3000),
    "cell_temperature_high": _telling("", 45, 5.3, CellT_001=45),
    "cell_temperature_low": _telling("", 5, 5.3, CellT_001=5),
    "rack_voltage_high": _telling("", 1450, RackVoltage=1450),
    "rack_voltage_low": _telling("", 1290, RackVoltage=1290),
    "insulation_low": _telling("", 100e3, Insulation=100),
    "rack_current_high": _telling("", 130, RackCurrent=130),
    "soc_high": _telling("", 97, RackSoC=97),
    "soc_low": _telling("", 3, RackSoC=3),
    "rack_identity_changed": dataclasses.replace(_telling("", 480_099, 1.3, SerialNumber=480_099), reset_ends=True),
    "rack_power_inconsistent": dataclasses.replace(_telling("", 0, 5.3, RackPower=200_000), value=None, after=61),
    "bus_voltage_inconsistent": dataclasses.replace(_telling("", 0, 5.3, RackVoltage=1450), value=None, after=61, keeps_closed=True),
    "memory_lost": Forcing("the gateway is started with a memory that nobody can read; the reset ends it", _forget, _NONE, reset_ends=True),
    "soc_inconsistent": Forcing("rack 1's BMU tells `RackSoC` 8 at rest, its cells being half full", _misjudge, lambda plant, rack: plant.told.pop(rack), 61, value=None),
}
# fmt: on


def forcing(row: Interlock) -> Forcing:
    """How a row is forced."""
    return _reported(row) if row.number <= REPORTED else FORCED[row.name]


def plant_for(row: Interlock) -> Disturbed:
    """A plant at work, with thresholds where the row is one of them."""
    return Disturbed(fitted=row.name in THRESHOLDS or row.name == "soc_inconsistent").work()
