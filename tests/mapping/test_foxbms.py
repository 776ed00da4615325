"""foxBMS 2 both ways: frames that cantools encodes become our points, our request is read by cantools."""

import functools
import math
from pathlib import Path

import cantools
import pytest
from cantools.database.can import Database
from mapping.spoken import SITE, Pack

from gateway.canbus.send import encoded
from gateway.mapping.library import Library
from gateway.mapping.site import Site, load_site
from gateway.model.order import Orders

pytestmark = pytest.mark.corpus


@functools.cache
def _database(path: Path) -> Database:
    loaded = cantools.database.load_file(path)
    assert isinstance(loaded, Database)
    return loaded


@pytest.fixture
def database(corpus: Path) -> Database:
    """The database as foxBMS publishes it, by cantools."""
    return _database(corpus / "dbc" / "foxbms" / "foxbms.dbc")


@functools.cache
def _site(path: Path, site: str) -> Site:
    return load_site(Library([path]), site)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with one pack on can0."""
    file = tmp_path_factory.mktemp("foxbms") / "site.yaml"
    sources = "- {frames: foxbms2, bus: can0}"
    file.write_text(SITE.format(topology="{racks: 1}", sources=sources))
    return file


@pytest.fixture
def site(corpus: Path, file: Path) -> Site:
    """That site, loaded."""
    return _site(corpus / "dbc" / "foxbms", str(file))


def taken(site: Site, database: Database, **messages: dict[str, float]) -> Pack:
    """A pack after one frame of each message; signals that are not given are 0."""
    pack = Pack(site)
    for name, values in messages.items():
        message = database.get_message_by_name(f"f_{name}")
        absent = dict.fromkeys((signal.name for signal in message.signals), 0.0)
        pack.take(message.frame_id, message.encode(absent | values, strict=False).hex())
    return pack


def test_values_limits_and_extremes_are_those_encoded_by_cantools(
    site: Site, database: Database
) -> None:
    """Volts, amperes positive when discharging, kilowatts, millivolts, kiloohms, per cent."""
    pack = taken(
        site, database,
        PackValuesP0={"BatteryVoltage": 812.3, "BusVoltage": 790.1, "Current": -41.25},
        PackLimits={"MaximumChargeCurrent": 120.25, "MaximumDischargeCurrent": 250.0,
                    "MaximumChargePower": 97.6, "MaximumDischargePower": 203.1},
        PackMinMaxCellVoltage={"MaximumCellVoltage": 3412, "MinimumCellVoltage": 3398},
        PackMinMaxCellTemperature={"MaximumCellTemperature": 31, "MinimumCellTemperature": -4},
        PackValuesP1={"InsulationResistance": 4550},
        PackStateEstimation={"MinimumSoc": 54.3, "Soh": 98.5},
    )  # fmt: skip
    expected = {
        "rack_voltage": 812.3, "rack_current": -41.25, "rack_charge_current_limit": 120.25,
        "rack_discharge_current_limit": 250, "rack_charge_power_limit": 97600,
        "rack_discharge_power_limit": 203100, "rack_cell_voltage_max": 3.412,
        "rack_cell_voltage_min": 3.398, "rack_cell_temperature_max": 31,
        "rack_cell_temperature_min": -4, "rack_insulation_resistance": 4_550_000,
        "rack_soc": 54.3, "rack_soh": 98.5, "rack_bus_voltage": 790.1,
    }  # fmt: skip

    assert {point: pack.value(point) for point in expected} == expected


@pytest.mark.parametrize(
    ("said", "state"),
    [(0, 2), (1, 2), (2, 2), (3, 1), (4, 6), (5, 1), (6, 2), (7, 3), (8, 3), (9, 3), (10, 99), (11, None)],
)  # fmt: skip
def test_states_of_the_bms(site: Site, database: Database, said: int, state: int | None) -> None:
    """Of its twelve, undefined is none of ours."""
    assert taken(site, database, BmsState={"BmsState": said}).value("rack_state") == state


@pytest.mark.parametrize(("strings", "connected"), [(0, 0), (1, 1), (15, 1)])
def test_strings_on_the_bus_connect_the_pack(
    site: Site, database: Database, strings: int, connected: int
) -> None:
    """One is enough."""
    pack = taken(site, database, BmsState={"NumberOfConnectedStrings": strings})

    assert pack.value("rack_connected") == connected


@pytest.mark.parametrize(
    ("flag", "alarm"),
    [
        ("GeneralError", "trip_internal"), ("GeneralWarning", "warning_internal"),
        ("EmergencyShutoff", "trip_safety"), ("InterlockState", "trip_interlock"),
        ("InsulationError", "trip_insulation"), ("MainFuseBlown", "trip_fuse"),
        ("PrechargeVoltageError", "trip_precharge"), ("CanTimingError", "trip_communication"),
        ("PackOvercurrentChargeError", "trip_charge_overcurrent"),
        ("PackOvercurrentDischargeError", "trip_discharge_overcurrent"),
        ("BmsMasterPcbOvertemperatureError", "alarm_overtemperature"),
    ],
)  # fmt: skip
def test_error_flags_are_alarms(site: Site, database: Database, flag: str, alarm: str) -> None:
    """Each sets its own and no other trip."""
    pack = taken(site, database, BmsState={flag: 1})
    calm = taken(site, database, BmsState={"BmsState": 5})

    assert pack.value(f"rack_{alarm}") == 1
    assert calm.value(f"rack_{alarm}") == 0
    others = {"rack_trip_fuse", "rack_trip_interlock"} - {f"rack_{alarm}"}
    assert {pack.value(other) for other in others} == {0}


@pytest.mark.parametrize(
    ("connect", "operation", "mode"), [
        (0, 0, 0), (0, 1, 0), (0, 2, 0),  # standby opens the contactors
        (1, 0, 1), (1, 1, 1), (1, 2, 2),
    ],
)  # fmt: skip
def test_cantools_reads_our_request(
    site: Site, database: Database, connect: int, operation: int, mode: int
) -> None:
    """0x210 every 100 ms: a rack that is to disconnect asks for standby, whatever the plant is about to do."""
    (send,) = site.containers[0].sends["can0"]
    values: dict[str, tuple[float, ...]] = {
        "rack_connect": (connect,),
        "operation": (operation,),
        "alarm_reset": (1,),
    }
    data = encoded(send, Orders(0.0, values), 0)

    assert (send.key, send.period, send.length) == (0x210, 0.1, 8)
    assert data is not None
    told = database.decode_message(0x210, data, decode_choices=False)
    assert told == {
        "RequestBmsMode": mode, "ResetPersistentFlags": 1, "ActivateBalancing": 0,
        "SetBalancingThreshold": 0, "IndicatePrechargeType": 0, "ChargerConnected": 0,
        "DisableInsulationMonitoring": 0,
    }  # fmt: skip


@pytest.mark.parametrize(("connect", "operation"), [(math.nan, 0), (1, math.nan)])
def test_without_an_order_there_is_no_request(site: Site, connect: float, operation: float) -> None:
    """The BMS then acts on its own time-out."""
    (send,) = site.containers[0].sends["can0"]
    orders = Orders(0.0, {"rack_connect": (connect,), "operation": (operation,)})

    assert encoded(send, orders, 0) is None
