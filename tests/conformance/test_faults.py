"""Faults of racks, each seen in the frames as cantools reads them."""

import pytest
from cantools.database.can import Database
from simulated.bench import CONNECT, DISCONNECT, Bench, Values, read

from conformance.sim.fault import FAULTS, Target

_CONNECTED, _FAULT = 3, 99
_CELL, _SENSOR = "CellV_058", "CellT_058"


def sweep(database: Database, bench: Bench) -> Values:
    """All cells of rack 1."""
    bmu = bench.emitter.bmus[1]
    pages = [bmu.voltage_page(page) for page in range(bmu.cell_pages)]
    pages += [bmu.temperature_page(page) for page in range(bmu.cell_pages)]
    values = read(database, pages, 1)
    return values["Cell_Voltage"] | values["Cell_Temperature"]


@pytest.mark.parametrize(
    ("fault", "trip", "opens"),
    [
        ("cell_overvoltage", "TripCellOvervoltage", True),
        ("cell_undervoltage", "TripCellUndervoltage", True),
        ("overtemperature", "TripOvertemperature", True),
        ("hvil", "TripInterlock", True),
        ("emergency_stop", "TripEmergencyStop", True),
        ("fire", "TripFire", True),
        ("door", "TripDoor", False),
        ("insulation", "TripInsulation", False),
    ],
)
def test_a_fault_sets_its_trip_bit(closed: Bench, fault: str, trip: str, opens: bool) -> None:  # noqa: FBT001 - a column
    """At its rack alone; the BMU opens for all but those that it only reports."""
    closed.emitter.faults.add(fault, 1)
    closed.wait(0.1)

    assert (closed.trips(1), closed.trips(2)) == ({trip}, set())
    assert (closed.state(1), closed.state(2)) == (_FAULT if opens else _CONNECTED, _CONNECTED)
    assert closed.contactors(1) == ("" if opens else "N+")


@pytest.mark.parametrize(
    ("fault", "signal", "value"),
    [
        ("cell_overvoltage", _CELL, 3700),
        ("cell_undervoltage", _CELL, 2500),
        ("overtemperature", _SENSOR, 60.0),
    ],
)
def test_one_cell_reports_the_fault(
    database: Database, closed: Bench, fault: str, signal: str, value: float
) -> None:
    """Cell 6 of module 2; no other cell changes."""
    before = sweep(database, closed)
    closed.emitter.faults.add(fault, 1)
    after = sweep(database, closed)

    assert after[signal] == pytest.approx(value)
    assert {name for name in before if before[name] != after[name]} == {signal}


def test_insulation_falls(closed: Bench) -> None:
    """20 kOhm, in place of 1850; gone with the fault, while the trip stays."""
    closed.emitter.faults.add("insulation", 1)
    closed.wait(0.1)
    assert (closed.told(1)["Insulation"], closed.told(2)["Insulation"]) == (20, 1850)
    closed.emitter.faults.clear("insulation", 1)
    closed.wait(0.1)

    assert (closed.told(1)["Insulation"], closed.trips(1)) == (1850, {"TripInsulation"})


def test_zero_limits_are_zero(closed: Bench) -> None:
    """All four, and a rack that is loaded nonetheless trips."""
    closed.emitter.faults.add("zero_limits", 1)
    told = closed.told(1)
    assert [told[f"{way}{kind}Limit"] for way in ("Charge", "Discharge") for kind in ("Current", "Power")] == [0] * 4  # fmt: skip
    assert closed.told(2)["ChargeCurrentLimit"] == 140
    closed.battery.power = 1e5
    closed.wait(2.5)

    assert (closed.trips(1), closed.trips(2)) == ({"TripDischargeOvercurrent"}, set())


def test_a_contactor_that_does_not_close(bench: Bench) -> None:
    """The positive one stays open in the feedback; the BMU gives up with a contactor trip."""
    bench.emitter.faults.add("stuck_open", 1)
    seen = set()
    for _ in range(30):
        bench.order(CONNECT, 0.1)
        seen.add(bench.contactors())

    assert not any("+" in contactors for contactors in seen)
    assert (bench.state(), bench.contactors(), bench.trips()) == (_FAULT, "", {"TripContactor"})


def test_a_contactor_that_does_not_open(closed: Bench) -> None:
    """The rack stays on the bus and carries current; feedback and trip say so."""
    closed.emitter.faults.add("welded", 1)
    closed.battery.power = 1e5
    closed.order(DISCONNECT, 1.0, (1, 2))

    assert (closed.contactors(1), closed.contactors(2)) == ("N+", "")
    assert (closed.state(1), closed.trips(1)) == (_FAULT, {"TripContactor"})
    assert closed.told(1)["RackCurrent"] == pytest.approx(1e5 / closed.battery.bus_voltage, abs=0.2)


def test_a_silent_rack_says_nothing_and_still_listens(bench: Bench) -> None:
    """No frame of it, and an order closes it all the same."""
    bench.emitter.faults.add("silent", 1)
    racks = {sent.identifier >> 16 & 0xF for sent in bench.emitter.due(1.0)}
    bench.order(CONNECT, 2.0)

    assert racks == {2}
    assert float(bench.battery.inserted[0]) == 0


def test_a_deaf_rack_opens(closed: Bench) -> None:
    """It hears no request any more, and trips for want of one."""
    closed.order(CONNECT, 0.5)
    closed.emitter.faults.add("deaf", 1)
    closed.order(CONNECT, 5.5)

    assert closed.trips() == {"TripCommunication"}


def test_frozen_payload_and_frozen_counter(closed: Bench) -> None:
    """Values stand still while counters advance, and the other way round."""

    def looks() -> tuple[list[float], list[float]]:
        told = []
        for _ in range(3):
            closed.battery.power += 1e5
            closed.wait(0.1)
            told.append(closed.told(1))
        return [look["RackCurrent"] for look in told], [look["Measure_Counter"] for look in told]

    closed.emitter.faults.add("frozen_payload", 1)
    values, counters = looks()
    assert (len(set(values)), counters) == (1, [1, 2, 3])
    closed.emitter.faults.clear("frozen_payload", 1)
    closed.emitter.faults.add("frozen_counter", 1)
    values, counters = looks()
    assert (len(set(values)), counters) == (3, [3, 3, 3])
    closed.emitter.faults.clear("frozen_counter", 1)
    closed.emitter.faults.add("wrong_counter", 1)
    values, counters = looks()

    assert (len(set(values)), counters) == (3, [6, 9, 12])


def test_a_fault_without_a_rack_is_of_all(closed: Bench) -> None:
    """And can be taken back from all."""
    closed.emitter.faults.add("door")
    closed.wait(0.1)
    assert (closed.trips(1), closed.trips(2)) == ({"TripDoor"}, {"TripDoor"})
    closed.emitter.faults.clear("door")

    assert (closed.emitter.faults.of(1), closed.emitter.faults.of(2)) == (set(), set())


def test_the_table_names_bits_that_there_are(database: Database) -> None:
    """Each trip of a row is a signal of the status message; names are words."""
    status = {signal.name for signal in database.get_message_by_name("Rack_Status").signals}
    for fault in FAULTS.values():
        assert not fault.trip or fault.trip in status
        assert fault.name.replace("_", "").isalpha()
        assert fault.name.startswith(fault.target.value.lower()) or fault.target is Target.RACK
