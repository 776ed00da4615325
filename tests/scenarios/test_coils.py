"""Contactors driven coil by coil through the whole plant: the frames sent, the racks' physics, the registers (R27, R28).

Simulated plant; BMUs that obey, and such that do not.
"""

import itertools
import math
from pathlib import Path

import pytest
from scenarios.coil_plant import (
    BUS,
    CLOSED,
    CLOSING,
    COILS,
    CONNECT,
    CONNECTED,
    CONTROL,
    DISCONNECT,
    LOCKOUT,
    MISMATCH,
    NO_ORDER,
    OFF,
    ON,
    OPEN,
    SELECT,
    SHUT,
    STOP,
    TAKEN,
    WAIT,
    WAY,
    Coiled,
    database,
)

from gateway.canbus.frame import IDENTIFIER

from closed import EMS, SCADA


@pytest.fixture
def coiled(tmp_path: Path) -> Coiled:
    """Open racks on a dead bus."""
    return Coiled(tmp_path)


def test_racks_close_step_by_step_without_a_surge(coiled: Coiled) -> None:
    """One after the other, each coil in its order; the main contactor closes on a charged bus (R27, R28)."""
    battery, closed = coiled.plant.battery, coiled.closed
    coiled.connect()
    most = {"precharge": 0.0, "closed": 0.0}
    while coiled.phase(2) != CLOSED:
        closed.run(0.02, EMS if round(closed.now * 50) % 25 == 0 else "")
        on = bool((battery.inserted == 0).any())
        where = "closed" if on else "precharge"
        most[where] = max(most[where], float(abs(battery.rack_current).max()))
        assert closed.now < 5030

    for rack in (1, 2):
        assert [coils for _, coils in coiled.said(rack)] == WAY
    first = min((1, 2), key=lambda rack: coiled.said(rack)[1][0])
    times = [time for time, _ in coiled.said(first)]
    assert times[-1] < coiled.said(3 - first)[1][0], "the second waits for the first"
    assert 0.9 < times[3] - times[2] < 1.6, "4 RC of 33 Ohm and 6 mF, and the settling"
    assert most["precharge"] > 30
    assert most["closed"] < 5
    assert closed.read(CONNECTED) == closed.read(CONNECTED + 100) == [1]
    assert closed.read(224) == [3]
    assert coiled.details("coils_dropped") == []


def test_frames_keep_the_coils_and_no_request_is_made(coiled: Coiled) -> None:
    """Each 100 ms with a counter that runs, for each rack; the other way of asking stays silent (R27, R33)."""
    coiled.connect().until(lambda: coiled.phase(2) == CLOSED)
    since = coiled.closed.now
    coiled.closed.run(3.0, EMS)
    frames = [frame for frame in coiled.closed.sent
              if frame.key & IDENTIFIER == COILS | 1 << 16 and frame.time > since]  # fmt: skip
    counters = [frame.data[6] for frame in frames]

    assert len(frames) == 30
    assert all((b - a) % 16 == 1 for a, b in itertools.pairwise(counters))
    assert {frame.data[0] for frame in frames} == {ON | OFF << 2 | ON << 4}
    assert set(coiled.closed.requests(1)) == {NO_ORDER}


def test_the_bus_is_shown_while_it_is_charged(coiled: Coiled) -> None:
    """Registers tell step, rack voltage and bus voltage; what the BMU tells is decoded by hand (R28)."""
    coiled.connect()
    coiled.until(lambda: coiled.closed.read(WAIT) == [9] or coiled.closed.read(WAIT + 100) == [9])
    rack = 1 if coiled.closed.read(WAIT) == [9] else 2
    coiled.closed.run(0.3, EMS)
    shown = coiled.closed.read(BUS + 100 * (rack - 1))[0] / 10
    sent = next(item for item in coiled.plant.emitter.bmus[rack].fast()
                if item.identifier == 0x180014F4 | rack << 16)  # fmt: skip
    told = database().get_message_by_name("Bus").decode(sent.data)
    assert isinstance(told, dict)

    assert coiled.phase(rack) == CLOSING
    assert 100 < shown < coiled.volts(rack) * 0.98
    assert math.isclose(float(str(told["Voltage"])), coiled.plant.battery.bus_voltage, abs_tol=0.06)


def test_a_broken_resistor_ends_in_a_lockout(coiled: Coiled) -> None:
    """3 tries of 2 s, 3 s apart, the positive coil never on; locked out with the reason, close refused (R28)."""
    coiled.plant.faults.add("no_precharge")
    coiled.connect()
    coiled.until(lambda: coiled.interlock(LOCKOUT), 60)
    said = coiled.said(1)
    warm = [
        (then, after) for (then, coils), (after, _) in itertools.pairwise(said) if coils[1] == ON
    ]
    volts = round(coiled.volts())

    assert {coils for _, coils in said} == set(WAY[:3])
    assert [round(after - then, 2) for then, after in warm] == [2.0] * 3
    assert all(3 <= b[0] - a[1] < 12 for a, b in itertools.pairwise(warm))
    told = coiled.details("coils_dropped")
    assert told[0].startswith("precharge: ")
    assert {text.split()[-1] for text in told} == {"missing"}
    assert f"precharge: {volts} V of {volts} V missing" in told
    assert coiled.closed.read(CONNECTED) == [0]
    coiled.closed.write(SELECT, 0)
    coiled.until(lambda: coiled.phase(2) == OPEN, 60)
    assert coiled.closed.write(SELECT, 2000) == TAKEN
    assert coiled.closed.write(CONNECT, 99) == CONTROL


def test_a_hasty_bmu_is_dropped_when_it_shows(coiled: Coiled) -> None:
    """It closes both on the first coil: off in the cycle of the frame that tells it, latched for good (R31)."""
    coiled.plant.faults.add("hasty")
    coiled.connect()
    took = coiled.until(lambda: coiled.interlock(MISMATCH))
    on = [rack for rack in (1, 2) if len(coiled.said(rack)) > 1]
    (rack,) = on
    said = coiled.said(rack)

    assert took < 1
    assert [coils for _, coils in said] == [WAY[0], WAY[1], WAY[0]]
    assert said[2][0] - said[1][0] < 0.2, "a period of the status frame, and a cycle"
    assert coiled.details("rack_mismatch") == ["closed, positive"]
    coiled.closed.run(10, EMS)
    assert coiled.said(rack)[-1] == said[-1]
    assert coiled.phase(rack) == OPEN
    assert coiled.interlock(MISMATCH)


def test_a_precharge_contactor_that_stays_is_found(coiled: Coiled) -> None:
    """Its BMU or the gateway drops the rest; with the coil off and the contactor not, it is latched (R31)."""
    coiled.connect()
    coiled.until(lambda: 9 in coiled.closed.read(WAIT) + coiled.closed.read(WAIT + 100))
    rack = 1 if coiled.closed.read(WAIT) == [9] else 2
    coiled.plant.faults.add("stuck_precharge", rack)
    coiled.until(lambda: coiled.interlock(MISMATCH))

    assert coiled.details("rack_mismatch") == ["closed, precharge"]
    assert coiled.said(rack)[-1][1] == SHUT
    coiled.closed.run(20, EMS)
    assert coiled.said(rack)[-1][1] == SHUT


def test_a_stop_drops_the_coils_in_its_own_frame(coiled: Coiled) -> None:
    """In the middle of precharge: the frame leaves before the answer does (R1, R27)."""
    coiled.connect()
    coiled.until(lambda: 9 in coiled.closed.read(WAIT) + coiled.closed.read(WAIT + 100))
    rack = 1 if coiled.closed.read(WAIT) == [9] else 2
    coiled.closed.run(0.3, EMS)
    assert coiled.said(rack)[-1][1] == (ON, ON, OFF)
    now = coiled.closed.now
    assert coiled.closed.write(STOP, 1, peer=SCADA) == TAKEN

    assert coiled.said(rack)[-1] == (now, SHUT)
    coiled.closed.run(0.5, EMS)
    assert coiled.plant.battery.inserted.min() == math.inf
    assert coiled.phase(rack) == OPEN


def test_racks_open_both_poles_at_once(tmp_path: Path) -> None:
    """Found closed, held by the first frame, opened at no current in one frame (R14, R27, R30)."""
    coiled = Coiled(tmp_path, closed=True)
    assert [coils for _, coils in coiled.said(1)] == [WAY[4]]
    assert coiled.closed.read(CONNECTED) == [1]
    coiled.closed.write(DISCONNECT, 1)
    coiled.until(lambda: coiled.phase() == OPEN)

    assert [coils for _, coils in coiled.said(1)] == [WAY[4], SHUT]
    assert coiled.closed.read(CONNECTED) == [0]


def test_a_weld_is_found_through_the_frames(tmp_path: Path) -> None:
    """Told off and still closed 3 s later: latched, the command not done (R31)."""
    coiled = Coiled(tmp_path, closed=True)
    coiled.plant.faults.add("welded", 1)
    coiled.closed.write(DISCONNECT, 1)
    coiled.until(lambda: coiled.interlock(MISMATCH))

    assert coiled.details("rack_mismatch") == ["closed, negative, positive"]
    assert coiled.said(1)[-1][1] == SHUT
    told = {coiled.closed.read(221 + 16 * place)[0]: coiled.closed.read(224 + 16 * place)[0] for place in range(4)}  # fmt: skip
    assert told[21] == 4


def test_a_start_in_the_middle_of_precharge_opens_it(coiled: Coiled) -> None:
    """The gateway dies with the resistor on; the next listens, then drops it, and closes nothing (R14, R34)."""
    coiled.connect()
    coiled.until(lambda: 9 in coiled.closed.read(WAIT) + coiled.closed.read(WAIT + 100))
    rack = 1 if coiled.closed.read(WAIT) == [9] else 2
    coiled.closed.run(0.3, EMS)
    begun = coiled.closed.now
    coiled.closed.start()
    coiled.hear().run(8.0)

    said = coiled.said(rack, begun)
    assert [coils for _, coils in said] == [SHUT]
    assert said[0][0] - begun == pytest.approx(2.0, abs=0.2)
    assert coiled.said(3 - rack, begun)[0][1] == SHUT
    assert coiled.plant.battery.inserted.min() == math.inf
    assert coiled.phase(rack) == OPEN


def test_a_bmu_that_misses_its_frames_drops_its_coils(tmp_path: Path) -> None:
    """The bus is cut: it opens after 5 s by itself, and does not close when frames come again (R3, R33)."""
    coiled = Coiled(tmp_path, closed=True)
    coiled.closed.deaf = True
    coiled.closed.run(5.5, EMS)
    alone = coiled.plant.battery.inserted.min()
    coiled.closed.deaf = False
    coiled.closed.run(3.0, EMS)

    assert alone == math.inf
    assert coiled.plant.battery.inserted.min() == math.inf
