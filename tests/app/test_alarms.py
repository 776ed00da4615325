"""Warnings of BMUs are told when they come and when they go (R39, R41)."""

from pathlib import Path

from gateway.model.event import Event

from closed import Closed


def test_a_warning_of_a_bmu_comes_and_goes(tmp_path: Path) -> None:
    """A cell of rack 2 is too high: the BMU warns before it trips; mended, the warning goes."""
    closed, events = Closed(tmp_path).run(3), list[Event]()
    closed.controller.told = events.extend
    closed.plant.faults.add("cell_overvoltage", 2)
    closed.run(3)
    closed.plant.faults.clear("cell_overvoltage", 2)
    closed.run(10)
    told = [(event.kind.name, event.rack, event.row) for event in events if event.row == "bmu_warning_cell_overvoltage"]  # fmt: skip

    assert told == [
        ("alarm", 2, "bmu_warning_cell_overvoltage"), ("alarm_gone", 2, "bmu_warning_cell_overvoltage"),
    ]  # fmt: skip
