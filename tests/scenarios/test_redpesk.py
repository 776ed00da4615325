"""A 700 V pack from precharge to trip and recovery, against values that others published or read off.

The instants are those of the capture's description: seconds from its first frame.
"""

import pytest

from scenes import StartScene

pytestmark = pytest.mark.corpus
LOG = "redpesk-bms/bms-dump.log"
CONTACTORS = ("rack_contactor_precharge", "rack_contactor_negative", "rack_contactor_positive")


def test_the_first_frames_already_tell_everything(scene: StartScene) -> None:
    """At 0.04 s all first values are there and good."""
    then = scene("redpesk", can0=LOG).at(0.04)

    assert then.good(
        "rack_voltage", "rack_current", "rack_soc", "rack_soh", "rack_capacity",
        "rack_cell_voltage_min", "rack_cell_voltage_max",
        "rack_cell_temperature_min", "rack_cell_temperature_max", "rack_breaker", *CONTACTORS,
    ) == {
        "rack_voltage": 671, "rack_current": 0.5, "rack_soc": 1, "rack_soh": 100,
        "rack_capacity": 31.2, "rack_cell_voltage_min": 2.976, "rack_cell_voltage_max": 3.0,
        "rack_cell_temperature_min": 15, "rack_cell_temperature_max": 15, "rack_breaker": 1,
        "rack_contactor_precharge": 0, "rack_contactor_negative": 0, "rack_contactor_positive": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "precharge", "negative", "positive", "state"),
    [
        (59.4, 0, 0, 0, 1),
        (59.65, 1, 0, 0, 2),
        (60.25, 1, 1, 0, 3),
        (61.25, 0, 1, 1, 3),
        (77.7, 0, 0, 0, 1),
        (84.26, 0, 1, 1, 3),
        (312.28, 0, 1, 1, 3),
    ],
)
def test_contactors_close_and_open_when_they_did(
    scene: StartScene, seconds: float, precharge: int, negative: int, positive: int, state: int
) -> None:
    """Precharge, the first pole, the other pole with precharge off; open; close again."""
    then = scene("redpesk", can0=LOG).at(seconds)

    closed = then.good(*CONTACTORS, "rack_state", "rack_connected")
    assert closed == {
        "rack_contactor_precharge": precharge,
        "rack_contactor_negative": negative,
        "rack_contactor_positive": positive,
        "rack_state": state,
        "rack_connected": min(negative, positive),
    }


def test_charging_is_negative_and_fills_the_pack(scene: StartScene) -> None:
    """14.5 A into the pack read -14.5 A; the state of charge steps up at 113.15 and 217.76 s."""
    capture = scene("redpesk", can0=LOG)

    assert capture.at(113.10).good("rack_soc") == {"rack_soc": 1}
    assert capture.at(113.20).good("rack_soc") == {"rack_soc": 2}
    assert capture.at(217.70).good("rack_soc") == {"rack_soc": 2}
    assert capture.at(217.80).good("rack_soc", "rack_current", "current", "voltage", "power") == {
        "rack_soc": 3, "rack_current": -14.5, "current": -14.5, "voltage": 738, "power": -10701,
    }  # fmt: skip


def test_a_cell_jumps_and_the_pack_trips_and_recovers(scene: StartScene) -> None:
    """3.688 V at 244.96 s, trip from 259 to 261 s, back from 293 s on, calm at the end.

    The Sub BMU reports its fault before the Main BMU does, and leaves its safety mode 4 s earlier.
    """
    capture = scene("redpesk", can0=LOG)

    assert capture.at(244.90).good("rack_cell_voltage_max")["rack_cell_voltage_max"] < 3.5
    assert capture.at(244.97).good(
        "rack_cell_voltage_max", "rack_cell_voltage_min", "rack_voltage", "cell_voltage_max"
    ) == {
        "rack_cell_voltage_max": 3.688, "rack_cell_voltage_min": 3.017, "rack_voltage": 700,
        "cell_voltage_max": 3.688,
    }  # fmt: skip
    calm = capture.at(259.30).good("rack_trip_safety", "rack_alarm_charge_blocked", "rack_breaker")
    assert calm == {"rack_trip_safety": 0, "rack_alarm_charge_blocked": 0, "rack_breaker": 1}
    tripped = capture.at(259.50).good("rack_trip_safety", "rack_alarm_charge_blocked", "rack_state")
    assert tripped == {"rack_trip_safety": 0, "rack_alarm_charge_blocked": 1, "rack_state": 99}
    assert capture.at(259.87).good("rack_trip_safety") == {"rack_trip_safety": 1}
    assert capture.at(259.98).good("rack_breaker") == {"rack_breaker": 0}
    assert capture.at(259.95).good("rack_trip_internal") == {"rack_trip_internal": 1}
    opened = capture.at(261.10).good(*CONTACTORS, "rack_trip_cell_overvoltage", "racks_connected")
    assert set(opened.values()) == {0, 1}
    assert opened["rack_trip_cell_overvoltage"] == 1
    assert opened["racks_connected"] == 0
    assert capture.at(271.80).good("rack_cell_voltage_max") == {"rack_cell_voltage_max": 3.298}
    assert capture.at(278.00).good("rack_trip_cell_overvoltage", "rack_trip_safety") == {
        "rack_trip_cell_overvoltage": 0, "rack_trip_safety": 1,
    }  # fmt: skip
    assert capture.at(293.40).good("rack_trip_safety", "rack_trip_internal") == {
        "rack_trip_safety": 1, "rack_trip_internal": 0,
    }  # fmt: skip
    assert capture.at(293.50).good("rack_trip_safety") == {"rack_trip_safety": 0}
    assert capture.end().good(
        "rack_voltage", "rack_current", "rack_soc", "rack_cell_voltage_min",
        "rack_cell_voltage_max", "rack_cell_temperature_max",
    ) == {
        "rack_voltage": 693, "rack_current": 0.5, "rack_soc": 3, "rack_cell_voltage_min": 3.018,
        "rack_cell_voltage_max": 3.298, "rack_cell_temperature_max": 20,
    }  # fmt: skip
    assert capture.clock == pytest.approx(321.873, abs=0.001)


def test_all_frames_arrive_and_the_ranges_are_those_of_the_capture(scene: StartScene) -> None:
    """15,796 frames; 671..738 V and -0.5..14.5 A as the BMU counts them; no frame short or lost."""
    capture = scene("redpesk", can0=LOG)
    seen: dict[str, set[float]] = {"rack_voltage": set(), "rack_current": set()}
    for tenth in range(1, 3219):
        for point, value in capture.at(tenth / 10).good(*seen).items():
            seen[point].add(value)

    assert (min(seen["rack_voltage"]), max(seen["rack_voltage"])) == (671, 738)
    assert (min(seen["rack_current"]), max(seen["rack_current"])) == (-14.5, 0.5)
    capture.end()
    bus = capture.gateway.buses["can0"]
    assert bus.frames == 15796
    assert bus.strange == {"unknown": 966}
    for name, tally in capture.gateway.tallies["can0"].values():
        assert (tally.short, tally.long, tally.empty) == (0, 0, 0), name


def test_values_of_a_message_that_stops_grow_old(scene: StartScene) -> None:
    """Half a second after the last frame its points are old data, and the container says so."""
    capture = scene("redpesk", can0=LOG).end()
    capture.at(capture.clock + 0.6)

    assert capture.detail("rack_voltage").name == "OLD_DATA"
    assert capture.pack.snapshot["rack_voltage"][0] == 693
    assert capture.detail("voltage").name == "OLD_DATA"
    assert capture.detail("rack_capacity").name == "NONE"
    assert capture.good("rack_alarm_communication", "racks_valid") == {
        "rack_alarm_communication": 1, "racks_valid": 0,
    }  # fmt: skip
