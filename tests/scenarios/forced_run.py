"""One interlock forced in a closed plant, and what can be seen of it: registers, frames to racks, words to the PCS.

A run has two halves. In the first both racks are on the bus and 100 kW flow: the row is forced on rack 1, power is
asked for both ways, the latch is reset with and without its cause. In the second both racks are open: the row is
forced again, and each rack is to be connected. A row that opens is forced once more, on a PCS whose power stays.
"""

import dataclasses
from dataclasses import dataclass

from scenarios.disturbed import DISCONNECT, PACE, RESET, WATTS, Disturbed
from scenarios.forcing import REPORTED, Forcing, forcing, plant_for

from gateway.control.interlock import FIRST_ALARM, INTERLOCKS, Effect, Interlock

BY_INTERLOCK = 5
"In `power_limited_by`, `charge_bound_by` and `discharge_bound_by`."
Pair = tuple[int, int]
Both = tuple[bool, bool]
"Of racks 1 and 2, or of charging and discharging."


@dataclass(frozen=True, slots=True)
class Picture:
    """What registers show at one moment."""

    tripped: frozenset[int]
    caused: frozenset[int]
    first_out: Pair
    "Interlock and rack."
    first_value: int
    "In thousandths."
    rack: int
    "The one that the row names for itself."
    mode: int
    effects: Pair
    "What stands against each rack."
    reported: Both
    "Whether each rack's alarms or trips hold the row's cause."
    power: int
    "W that are let through."
    stopped: Both
    "Directions that are not permitted, and bound by an interlock."
    halved: Both
    "Directions whose limit is half of what the racks allow, bound by an interlock."


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was seen of one row."""

    row: Interlock
    how: Forcing
    before: Picture
    standing: Picture
    "In the cycle in which it tripped."
    flows: Both
    "Whether 100 kW reach the PCS's setpoint where they are asked for."
    runs: bool
    "Whether the PCS is told to run."
    asked_of_pcs: int
    "W, after power was asked for."
    obstinate: Picture
    "Throughout a reset while the cause was there; of a row that needs none, before it."
    gone: Picture
    "Without the cause, before a reset."
    asked_open: Both
    "Racks that were asked to open, though nobody wrote it."
    opened: Both
    cleared: Picture
    "After the reset, or by itself."
    again: int
    "W at the PCS afterwards."
    refused: Both
    "Racks that could not be connected, with the row at rack 1."
    let_in: Both
    "Racks that were told to connect."
    under_load: bool
    "Whether a rack was opened though its current did not fall."


def picture(plant: Disturbed, row: Interlock) -> Picture:
    """What registers show now."""
    read = plant.closed.read
    number, rack = read(8, 2)
    first, second = read(1064)[0], read(1164)[0]
    return Picture(
        _set_bits(read(300, 6)), _set_bits(read(320, 6)), (number, rack),
        plant.closed.read_i32(212), read(399 + row.number)[0], read(3)[0], (first, second),
        (_reported(plant, row, 1), _reported(plant, row, 2)), plant.closed.read_i32(80),
        (_stopped(plant, 0), _stopped(plant, 1)), (_halved(plant, 0), _halved(plant, 1)),
    )  # fmt: skip


def _set_bits(words: list[int]) -> frozenset[int]:
    return frozenset(row.number for row in INTERLOCKS if _is_set(words, row.number - 1))


def _is_set(words: list[int], place: int) -> bool:
    return bool(words[place // 16] >> place % 16 & 1)


def _reported(plant: Disturbed, row: Interlock, rack: int) -> bool:
    """Whether a rack's trips or alarms hold the cause; their lowest word is the last one."""
    if row.number > REPORTED:
        return False
    at, first = (1040, 1) if row.number < FIRST_ALARM else (1044, FIRST_ALARM)
    return _is_set(plant.closed.read(at + 100 * (rack - 1), 4)[::-1], row.number - first)


def _stopped(plant: Disturbed, side: int) -> bool:
    """Side 0 charges, 1 discharges."""
    read = plant.closed.read
    return read(5 + side) == [0] and read(90 + side) == [BY_INTERLOCK]


def _halved(plant: Disturbed, side: int) -> bool:
    """In amperes and in watts."""
    amperes, allowed, watts, power = (
        plant.closed.read_i32(at + 2 * side) for at in (21, 76, 25, 72)
    )
    bound = plant.closed.read(90 + side) == [BY_INTERLOCK]
    if not bound or not amperes > 0 or not watts > 0:
        return False
    return abs(allowed / amperes - 0.5) < 0.01 and abs(power / watts - 0.5) < 0.01


def _until_tripped(plant: Disturbed, row: Interlock, how: Forcing) -> None:
    """Force a row on rack 1, and wait until it acts."""
    how.begin(plant, 1)
    due = plant.closed.now + how.wait
    while plant.closed.now < due and row.number not in _set_bits(plant.closed.read(300, 6)):
        plant.run(PACE)


def _flows(plant: Disturbed, watts: int) -> bool:
    """Ask for power, and see whether it reaches the PCS's setpoint."""
    plant.push(watts)
    return plant.closed.read_i32(80) == watts == _setpoint(plant)


def _setpoint(plant: Disturbed) -> int:
    """W that were written to the PCS last."""
    return round(plant.closed.plant.pcs.setting.power)


def _runs(plant: Disturbed) -> bool:
    """Whether the PCS is told to run; one that is not reached is shown what it would be told."""
    plant.run(PACE)
    shown = plant.closed.read(86) == [1]
    if plant.closed.pcs_alive:
        assert plant.closed.plant.pcs.setting.run is shown
    return shown


def _connected(plant: Disturbed) -> Pair:
    return plant.closed.read(1025)[0], plant.closed.read(1125)[0]


def _requests(plant: Disturbed, request: int, since: float) -> Both:
    """Racks that were asked for something."""
    first, second = (request in plant.closed.requests(rack, since) for rack in (1, 2))
    return first, second


def _reset(plant: Disturbed, row: Interlock) -> Picture:
    plant.once(RESET)
    plant.run(0.3)
    return picture(plant, row)


def _resisted(plant: Disturbed, row: Interlock) -> Picture:
    """What stands all the time while a reset is written and passed on to BMUs, with the cause there."""
    plant.once(RESET)
    stages = [picture(plant, row)]
    while len(stages) < 8:
        plant.run(PACE)
        stages.append(picture(plant, row))
    throughout = frozenset.intersection(*(stage.tripped for stage in stages))
    told = {stage.first_out for stage in stages}
    first_out = told.pop() if len(told) == 1 else (0, 0)
    return dataclasses.replace(stages[-1], tripped=throughout, first_out=first_out)


def observed(row: Interlock) -> Seen:
    """Force a row, and see everything."""
    plant, how = plant_for(row), forcing(row)
    before, since = picture(plant, row), plant.closed.now
    _until_tripped(plant, row, how)
    standing = picture(plant, row)
    flows = _flows(plant, -WATTS), _flows(plant, WATTS)
    runs, asked_of_pcs = _runs(plant), _setpoint(plant)
    resists = row.latches and not how.reset_ends
    obstinate = _resisted(plant, row) if resists else standing
    how.end(plant, 1)
    plant.run(how.after + (1.0 if row.effects & Effect.OPEN else 0))
    gone, asked, shut = picture(plant, row), _requests(plant, 1, since), _connected(plant)
    cleared = _reset(plant, row) if row.latches else gone
    plant.resume()
    return Seen(
        row, how, before, standing, flows, runs, asked_of_pcs, obstinate, gone,
        (asked[0] and not how.asks, asked[1]), (shut[0] == 0, shut[1] == 0), cleared,
        _setpoint(plant), *_joined(plant, row, how), _opens_under_load(row),
    )  # fmt: skip


def _joined(plant: Disturbed, row: Interlock, how: Forcing) -> tuple[Both, Both]:
    """Open racks, the row forced: which of them may not join, and which are told to."""
    if how.keeps_closed:
        plant.disconnect(2)
    else:
        plant.once(DISCONNECT)
    plant.run(0.3)
    while _connected(plant) != (int(how.keeps_closed), 0):
        plant.run(PACE)
    _until_tripped(plant, row, how)
    plant.run(PACE)
    since = plant.closed.now
    second, first = plant.connect(2), plant.connect(1)
    plant.run(0.3 if first and second else 1.0)
    told = _requests(plant, 2, since)
    return (bool(first), bool(second)), (told[0] and not how.keeps_closed, told[1])


def _opens_under_load(row: Interlock) -> bool:
    """On a PCS whose power does not fall: whether racks are opened all the same (R30)."""
    if not row.effects & Effect.OPEN:
        return False
    plant, how = plant_for(row), forcing(row)
    plant.closed.plant.faults.add("pcs_mute")
    since = plant.closed.now
    _until_tripped(plant, row, how)
    plant.run(1.5)
    counted = plant.closed.read(1065) == [1]
    assert counted is _requests(plant, 1, since)[0]
    return counted
