"""`essgw alarms`: listed, acknowledged and shelved, from the terminal and by a foreign client; no interlock changes (R39)."""

import json
import re
import time
from pathlib import Path

from interop.storage import stored
from operated import operated, registers, shown
from pymodbus.client import ModbusTcpClient

from program import Program

COUNTS, LIST, ACKNOWLEDGE, SHELVE, UNSHELVE = 60600, 60610, 61114, 61115, 61116
WARNING, TRIP = 201, 1
ACKNOWLEDGED, SHELVED = 2, 4
PATIENCE = 60  # s


def told(essgw: Program, server: str, *options: str) -> dict[tuple[str, int | None], str]:
    """The state of each alarm."""
    rows = json.loads(essgw("alarms", server, "--json", *options).stdout)["alarms"]
    return {(row["alarm"], row["rack"]): row["state"] for row in rows}


def until(essgw: Program, server: str, alarm: str, rack: int, state: str) -> None:
    """Wait until an alarm is there."""
    end = time.monotonic() + PATIENCE
    while (seen := told(essgw, server)).get((alarm, rack)) != state:
        assert time.monotonic() < end, seen


def write(server: str, address: int, value: int) -> bool:
    """What a foreign client writes; whether it is taken."""
    host, _, port = server.rpartition(":")
    with ModbusTcpClient(host, port=int(port)) as client:
        return not client.write_register(address, value, device_id=1).isError()


def test_an_operator_works_through_the_list(essgw: Program) -> None:
    """A cell of rack 2 is too high: the BMU warns and trips."""
    with operated(essgw, "--fault", "cell_overvoltage:2") as server:
        until(essgw, server, "bmu_trip_cell_overvoltage", 2, "unacknowledged")
        listed = essgw("alarms", server).stdout
        acting = shown(essgw, server, "interlocks_tripped")
        active, unknown, shelved = registers(server, COUNTS, 3)
        states = told(essgw, server, "--acknowledge", "all")
        known = registers(server, COUNTS + 1, 1)
        again = essgw("alarms", server, "--acknowledge", "all", status=4).stderr
        lines = {tuple(registers(server, LIST + 8 * line, 3)) for line in range(active)}
        assert write(server, SHELVE, WARNING * 100 + 2)
        aside = told(essgw, server)
        never = essgw("alarms", server, "--shelve", "bmu_trip_cell_overvoltage:2", status=4).stderr
        assert not write(server, SHELVE, TRIP * 100 + 2)
        back = told(essgw, server, "--unshelve", "bmu_warning_cell_overvoltage:2")
        left = shown(essgw, server, "interlocks_tripped")

    first, second = listed.splitlines()[:2]
    assert first.split()[:4] == ["state", "priority", "alarm", "rack"]
    assert second.startswith("unacknowledged")
    assert "check its voltage with a meter" in listed
    assert unknown >= active > 0
    assert shelved == 0
    assert set(states.values()) == {"acknowledged"}
    assert known == [0]
    assert "5 position reached" in again
    assert {(TRIP, 2, ACKNOWLEDGED), (WARNING, 2, ACKNOWLEDGED)} <= lines
    assert aside["bmu_warning_cell_overvoltage", 2] == "shelved"
    assert aside["bmu_trip_cell_overvoltage", 2] == "acknowledged"
    assert "26 inconsistent parameters" in never
    assert back["bmu_warning_cell_overvoltage", 2] == "acknowledged"
    assert acting == left


def test_what_cannot_be_meant(essgw: Program) -> None:
    """A name that is none, a rack that is none: told before anything is asked."""
    near = essgw("alarms", "127.0.0.1:1", "--acknowledge", "bmu_trip_fir", status=2).stderr
    rack = essgw("alarms", "127.0.0.1:1", "--shelve", "soc_low:x", status=2).stderr

    assert "there is no alarm 'bmu_trip_fir'" in near
    assert "bmu_trip_fire" in near
    assert "is not ALARM:RACK, like soc_low:3" in rack
    far = essgw("alarms", "127.0.0.1:1", "--shelve", "soc_low:150", status=2).stderr
    assert "is not ALARM:RACK" in far, "it would be another alarm's number"


def test_a_map_without_alarms(essgw: Program) -> None:
    """Nothing to list is not the same as no alarms."""
    with stored(essgw.folder) as served:
        place = re.search(r"127\.0\.0\.1:\d+", served.text)
        assert place is not None
        told = essgw("alarms", place[0], "--map", "storage.yaml", status=2).stderr

    assert "the map storage shows no alarms" in told


def test_what_a_site_says_of_alarms(essgw: Program) -> None:
    """Names that are none and rows that say it twice are told where they stand."""
    site = (Path(__file__).parents[2] / "mappings/sites/demo.yaml").read_text()
    rows = "      alarms: [{alarm: soc_hig, delay: 1}, {alarm: soc_low, priority: low}, {alarm: soc_low, delay: 1}]\n"
    (essgw.folder / "site.yaml").write_text(
        site.replace("      thresholds:\n", rows + "      thresholds:\n")
    )
    told = essgw("check", "site.yaml", status=1).stderr

    assert "no alarm is named 'soc_hig'; did you mean 'soc_high'?" in told
    assert "soc_low has a row already; put both into one" in told
