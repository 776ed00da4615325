"""Two car packs on their buses: what they read, and what must never pass for a reading."""

import math

import pytest

from gateway.model.point import POINTS, Kind
from gateway.model.quality import USABLE

from scenes import Scene, StartScene

pytestmark = pytest.mark.corpus
KONA = "kona-ev/Idle log (no diagnostic function selected)-30sec.asc"
SILENT = "kona-ev/221217-1-2021-pcan-bcan-no-key.csv"
OUTLANDER = "outlander-phev/202109061515-steering-lock-to-lock.csv"


def usable_readings(scene: Scene) -> dict[str, float]:
    """Measured values and limits of the pack that pass for usable."""
    pack = scene.pack
    values, quality = pack.snapshot.values, pack.snapshot.quality
    return {
        name: float(values[part.start])
        for name, part in pack.container.layout.slices.items()
        if POINTS[name].kind in {Kind.MEASURE, Kind.LIMIT}
        and part.start < part.stop
        and USABLE[quality[part.start]]
    }


def test_the_kona_pack_reads_as_published(scene: StartScene) -> None:
    """360.8..360.9 V, 0 A, 48.5 %, 85 kW both ways, 11 degC, contactors open."""
    capture = scene("kona", can0=KONA)
    volts = set()
    for tenth in range(2, 305):
        now = capture.at(tenth / 10).good(
            "rack_voltage", "rack_current", "rack_soc", "rack_charge_power_limit",
            "rack_discharge_power_limit", "rack_cell_temperature_min",
            "rack_cell_temperature_max", "rack_contactor_positive", "rack_contactor_negative",
            "charge_power_limit",
        )  # fmt: skip
        volts.add(now.pop("rack_voltage"))
        assert now == {
            "rack_current": 0, "rack_soc": 48.5, "rack_charge_power_limit": 85000,
            "rack_discharge_power_limit": 85000, "rack_cell_temperature_min": 11,
            "rack_cell_temperature_max": 11, "rack_contactor_positive": 0,
            "rack_contactor_negative": 0, "charge_power_limit": 0,
        }  # fmt: skip

    assert volts == {360.8, 360.9}
    tallies = {name: tally.frames for name, tally in capture.end().gateway.tallies["can0"].values()}
    assert set(tallies.values()) == {306}


@pytest.mark.parametrize("logs", [{"can0": SILENT}, {"can0": SILENT, "can1": SILENT}])
def test_a_busy_bus_with_a_silent_bms_gives_no_value(
    scene: StartScene, logs: dict[str, str]
) -> None:
    """Thousands of frames, none of the battery: nothing ever becomes usable."""
    capture = scene("kona", **logs)
    for second in range(1, 28):
        assert usable_readings(capture.at(second)) == {}

    capture.end()
    assert capture.gateway.buses["can0"].frames == 8969
    assert capture.gateway.buses["can1"].frames == (5325 if "can1" in logs else 0)
    assert capture.good("racks_valid") == {"racks_valid": 0}


def test_the_outlander_pack_reads_as_published(scene: StartScene) -> None:
    """316.0..316.3 V, 59.5 %, 10..12 degC, 0.7..8.9 A; drawn from the pack, so positive."""
    capture = scene("outlander", can1=OUTLANDER)
    seen: dict[str, set[float]] = {}
    for hundredth in range(60, 586):
        now = capture.at(hundredth / 100).good(
            "rack_voltage", "rack_current", "rack_soc", "rack_cell_voltage_max",
            "rack_cell_voltage_min", "rack_cell_temperature_max", "rack_cell_temperature_min",
        )  # fmt: skip
        for point, value in now.items():
            seen.setdefault(point, set()).add(value)

    ranges = {point: (min(values), max(values)) for point, values in seen.items()}
    assert ranges["rack_soc"] == (59.5, 59.5)
    assert ranges["rack_current"][0] == pytest.approx(0.68)
    assert ranges["rack_current"][1] == pytest.approx(8.9, abs=0.05)
    assert 315.0 <= ranges["rack_voltage"][0] <= ranges["rack_voltage"][1] == 316.3
    assert ranges["rack_cell_temperature_min"][0] >= 10
    assert ranges["rack_cell_temperature_max"][1] <= 12
    assert 3.93 <= ranges["rack_cell_voltage_min"][0] <= ranges["rack_cell_voltage_max"][1] <= 3.96
    assert capture.end().gateway.tallies["can1"][0x373][1].frames == 564


def test_what_the_outlander_sends_before_it_has_measured_is_no_value(scene: StartScene) -> None:
    """0.0 V, -5 %, -50 degC, 2.10 V, and the placeholders after them, are never usable."""
    capture = scene("outlander", can1=OUTLANDER)
    for millisecond in range(239, 380):
        assert usable_readings(capture.at(millisecond / 1000)) == {}
    assert capture.detail("rack_voltage").name == "NOT_AVAILABLE"
    least = {"rack_voltage": 315, "rack_soc": 59, "rack_cell_voltage_min": 3.9}
    for hundredth in range(38, 587):
        readings = usable_readings(capture.at(hundredth / 100))
        for name in least.keys() & readings.keys():
            assert readings[name] >= least[name], f"{name} is {readings[name]} at {capture.clock}"


def test_the_same_identifier_on_the_other_bus_is_somebody_else(scene: StartScene) -> None:
    """The body bus fed in place of the EV bus gives no value."""
    capture = scene("outlander", can0=OUTLANDER).end()

    assert usable_readings(capture) == {}
    assert capture.gateway.buses["can0"].frames == 11826
    assert math.isnan(capture.pack.snapshot["rack_voltage"][0])


def test_the_clock_never_runs_back(scene: StartScene) -> None:
    """2,854 time stamps step back; the replay's clock does not, and no frame is left out."""
    capture = scene("outlander", can0=OUTLANDER, can1=OUTLANDER).end()

    buses = capture.gateway.buses
    assert (buses["can0"].frames, buses["can1"].frames) == (11826, 8045)
    assert (capture.pack.snapshot.age[~capture.pack.snapshot.computed] >= 0).all()
