"""Each trip is in the journal and in a recording, with the number that it has in the journal (R24, R41)."""

import json
from pathlib import Path

import pytest
from interop.world import World, adopted

from program import Program

pytestmark = pytest.mark.interop

FIRST, SECOND = "bmu_trip_door", "bmu_trip_interlock"


def latched(world: World) -> dict[str, int]:
    """The rows that the journal says have latched, with their numbers."""
    rows = [row for row in world.journal() if row["name"] == "interlock_latched"]
    return {str(row["row"]): int(str(row["seq"])) for row in rows}


def recorded(folder: Path) -> dict[str, int]:
    """The trips of all recordings that are whole, with their numbers."""
    files = sorted(folder.glob("[!.]*/trip.json"))
    return {trip["name"]: trip["seq"] for file in files for trip in json.loads(file.read_text())["trips"]}  # fmt: skip


def test_a_second_trip_is_told_and_recorded_like_the_first(tmp_path: Path, essgw: Program) -> None:
    """Another row latches while the first one stands: both are alarms of the journal, both are recorded."""
    with adopted(tmp_path, essgw) as world:
        world.plant.say("fault door 1")
        world.until(lambda: FIRST in latched(world), "tripped")
        world.plant.say("fault hvil 2")
        world.until(lambda: SECOND in latched(world), "tripped again")
        world.until(lambda: {FIRST, SECOND} <= recorded(tmp_path / "trips").keys(), "recorded")
        numbers, known = recorded(tmp_path / "trips"), latched(world)
        alarms = essgw("events", tmp_path / "journal.sqlite", "--severity", "alarm").stdout

    assert {name: numbers[name] for name in (FIRST, SECOND)} == {name: known[name] for name in (FIRST, SECOND)}  # fmt: skip
    assert FIRST in alarms
    assert SECOND in alarms
