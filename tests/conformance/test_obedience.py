"""A BMU obeys requests: what it takes, how it closes and opens, when it opens by itself."""

from collections.abc import Callable

import pytest
import structlog.testing
from cantools.database.can import Database
from simulated.bench import CONNECT, DISCONNECT, NO_ORDER, RESET, STOP, Bench, remainder

from conformance.sim.request import crc8

_OPEN, _PRECHARGING, _CONNECTED, _FAULT = 1, 2, 3, 99


def test_the_checksum_is_sae_j1850() -> None:
    """Its published check value, and 200 messages divided by hand."""
    assert crc8(b"123456789") == remainder(b"123456789") == 0x4B
    for seed in range(200):
        data = (seed * 0x9E3779B97F4A7C15 % (1 << 56)).to_bytes(7, "big")
        assert crc8(data) == remainder(data)


def test_a_rack_closes_step_by_step(bench: Bench) -> None:
    """Negative, precharge until the bus has the rack's voltage, positive, precharge off: within 2 s."""
    seen, states = [bench.contactors()], {bench.contactors(): bench.state()}
    for _ in range(30):
        bench.say(1, bench.frame(CONNECT))
        bench.wait(0.05)
        if bench.contactors() != seen[-1]:
            seen.append(bench.contactors())
        states[seen[-1]] = bench.state()

    assert seen == ["", "N", "NP", "NP+", "N+"]
    assert list(states.values()) == [_OPEN, *[_PRECHARGING] * 3, _CONNECTED]
    assert bench.battery.bus_voltage == pytest.approx(
        float(bench.battery.rack_voltage()[0]), rel=0.001
    )
    assert bench.contactors(2) == ""


def test_a_second_rack_joins_a_live_bus_and_shares(bench: Bench) -> None:
    """Both end up connected, and a load is carried by both."""
    bench.order(CONNECT, 2.0)
    bench.order(CONNECT, 2.0, (1, 2))
    bench.battery.power = 2e5
    bench.order(CONNECT, 0.5, (1, 2))

    assert (bench.state(1), bench.state(2)) == (_CONNECTED, _CONNECTED)
    assert min(bench.told(rack)["RackCurrent"] for rack in (1, 2)) > 30


def test_a_rack_opens_when_told_and_not_when_not(closed: Bench) -> None:
    """No order changes nothing; disconnect opens at once, and the current is gone."""
    closed.order(NO_ORDER, 1.0)
    assert closed.state() == _CONNECTED
    closed.order(DISCONNECT, 0.2)

    assert (closed.contactors(), closed.state()) == ("", _OPEN)
    assert closed.told()["RackCurrent"] == 0
    assert closed.state(2) == _CONNECTED


@pytest.mark.parametrize(
    ("what", "spoil"),
    [
        ("crc", lambda data: data[:7] + bytes((data[7] ^ 1,))),
        ("crc", lambda data: bytes((data[0] | 0x40,)) + data[1:]),
        ("length", lambda data: data[:7]),
        ("length", lambda data: data + b"\0"),
        ("length", lambda _data: b""),
    ],
)
def test_a_damaged_request_is_ignored(
    bench: Bench, what: str, spoil: Callable[[bytes], bytes]
) -> None:
    """Wrong checksum or length: nothing closes, and it is counted."""
    for _ in range(20):
        bench.say(1, spoil(bench.frame(CONNECT)))
        bench.wait(0.1)

    assert (bench.contactors(), bench.state()) == ("", _OPEN)
    assert bench.emitter.bmus[1].listener.ignored == {what: 20}


def test_a_counter_that_stands_still_is_no_heartbeat(closed: Bench) -> None:
    """The same request over and over is heard once; after 5 s the rack opens with a communication trip."""
    same = closed.frame(CONNECT)
    for _ in range(70):
        closed.say(1, same)
        closed.wait(0.1)

    assert closed.emitter.bmus[1].listener.ignored == {"counter": 69}
    assert (closed.contactors(), closed.state()) == ("", _FAULT)
    assert closed.trips() == {"TripCommunication"}


def test_silence_of_the_gateway_opens_after_five_seconds(closed: Bench) -> None:
    """Not before, and only at racks that had been spoken to; a reset lets the order be obeyed again."""
    closed.order(CONNECT, 1.0)
    closed.wait(4.7)
    assert closed.state(1) == _CONNECTED
    closed.wait(0.5)
    assert (closed.contactors(1), closed.trips(1)) == ("", {"TripCommunication"})
    assert (closed.state(2), closed.trips(2)) == (_CONNECTED, set())
    closed.order(CONNECT, 2.0)
    assert closed.state(1) == _FAULT
    closed.order(CONNECT | RESET, 0.2)
    closed.order(CONNECT, 2.0)

    assert (closed.state(1), closed.trips(1)) == (_CONNECTED, set())


def test_a_stop_keeps_a_rack_from_closing(bench: Bench) -> None:
    """While the stop bit stands; one that has begun goes back."""
    bench.order(CONNECT | STOP, 2.0)
    assert bench.contactors() == ""
    bench.order(CONNECT, 0.4)
    assert bench.contactors() == "NP"
    bench.order(CONNECT | STOP, 0.2)

    assert (bench.contactors(), bench.state()) == ("", _OPEN)


def test_overcurrent_opens_after_two_seconds_and_latches(closed: Bench) -> None:
    """Beyond 1.2 x the limit; a reset takes it back when the cause is gone, and not before."""
    closed.battery.power = 2 * 1.15 * 140 * 1360
    closed.order(CONNECT, 5.0, (1, 2))
    assert closed.state() == _CONNECTED
    closed.battery.power = 2 * 1.3 * 140 * 1360
    closed.order(CONNECT, 1.8, (1, 2))
    assert closed.state() == _CONNECTED
    closed.order(CONNECT, 0.5, (1, 2))
    assert (closed.state(), closed.trips()) == (_FAULT, {"TripDischargeOvercurrent"})
    closed.battery.power = 0
    closed.order(CONNECT, 2.0, (1, 2))
    assert closed.contactors() == ""
    closed.order(DISCONNECT | RESET, 0.2, (1, 2))

    assert (closed.state(), closed.trips()) == (_OPEN, set())


def test_charging_too_hard_trips_too(closed: Bench) -> None:
    """With the bit of its own direction."""
    closed.battery.power = -2 * 1.3 * 140 * 1380
    closed.wait(2.5)

    assert closed.trips() == {"TripChargeOvercurrent"}


def test_a_trip_waits_for_its_cause_to_go(closed: Bench) -> None:
    """A reset while a cell is too full changes nothing."""
    closed.emitter.faults.add("cell_overvoltage", 1)
    closed.order(DISCONNECT | RESET, 0.5)
    assert closed.trips() == {"TripCellOvervoltage"}
    closed.emitter.faults.clear("cell_overvoltage", 1)
    closed.order(DISCONNECT, 0.5)
    assert closed.trips() == {"TripCellOvervoltage"}
    closed.order(DISCONNECT | RESET, 0.2)

    assert closed.trips() == set()


def test_a_precharge_that_fails_is_given_up_and_can_be_ordered_again(bench: Bench) -> None:
    """After 2 s, with a trip bit that goes when the order is withdrawn."""
    bench.emitter.faults.add("no_precharge", 1)
    bench.order(CONNECT, 1.9)
    assert bench.contactors() == "NP"
    bench.order(CONNECT, 1.0)
    assert (bench.contactors(), bench.state(), bench.trips()) == ("", _FAULT, {"TripPrecharge"})
    bench.emitter.faults.clear("no_precharge", 1)
    bench.order(DISCONNECT, 0.2)
    assert (bench.state(), bench.trips()) == (_OPEN, set())
    bench.order(CONNECT, 2.0)

    assert bench.state() == _CONNECTED


def test_every_rack_hears_only_its_own_requests(database: Database) -> None:
    """Rack 12 is told by the digit C of the identifier."""
    bench = Bench(database, racks=12)
    bench.order(CONNECT, 2.0, (12,))

    assert [rack for rack in range(1, 13) if bench.state(rack) == _CONNECTED] == [12]


def test_the_clock_is_kept_and_told(bench: Bench) -> None:
    """Four bytes of seconds, little-endian, to all."""
    with structlog.testing.capture_logs() as logs:
        bench.emitter.take(0x190001A2, (1_800_000_000).to_bytes(4, "little") + bytes(4))

    assert bench.emitter.clock == 1_800_000_000
    assert [line["seconds"] for line in logs] == [1_800_000_000]
