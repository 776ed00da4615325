"""One rack of the demo falls silent and comes back; registers say so, and nothing else suffers."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from interop.clients import PyModbus

from program import Served

pytestmark = pytest.mark.interop

SILENT = 3
RACKS = [rack for rack in range(1, 13) if rack != SILENT]
QUALITY, AGE = 20000, 40000
OLD_DATA = 0x0201
"Detail 2, old data; validity 1, questionable."
INACCURATE = 0x0801
"Detail 8, not all contributors; validity 1, questionable."
COMMUNICATION = [0, 0, 1 << 19 - 16, 0]
"Alarm 19 of a field of four registers."
CELLS = 8 * 52


@dataclass(frozen=True, slots=True)
class Look:
    """What a master reads at one moment: values, qualities and ages of each rack's first registers."""

    plant: list[int]
    plant_quality: list[int]
    values: dict[int, list[int]]
    quality: dict[int, list[int]]
    age: dict[int, list[int]]
    cells: dict[int, list[int]]
    cell_quality: dict[int, list[int]]


@dataclass(frozen=True, slots=True)
class Course:
    """The looks of a whole course of events."""

    before: Look
    silent: Look
    later: Look
    back: Look


def look(master: PyModbus) -> Look:
    """Read all racks."""

    def blocks(first: int, step: int, count: int) -> dict[int, list[int]]:
        return {rack: master.read(first + step * (rack - 1), count) for rack in range(1, 13)}

    return Look(
        master.read(0, 100),
        master.read(QUALITY, 100),
        blocks(1000, 100, 52),
        blocks(1000 + QUALITY, 100, 52),
        blocks(1000 + AGE, 100, 52),
        blocks(4000, 1000, 104),
        blocks(4000 + QUALITY, 1000, 104),
    )


def until(read: Callable[[], list[int]], holds: Callable[[list[int]], bool]) -> None:
    """Wait until some registers are as they should be."""
    end = time.monotonic() + 60
    while not holds(seen := read()):
        assert time.monotonic() < end, f"it never came to that: {seen}"


@pytest.fixture(scope="module")
def course(troubled: Served) -> Course:
    """`stop 3`, until its cells are old too; then half a second more; then `start 3`."""
    with contextlib.closing(PyModbus(troubled.port)) as master:

        def valid() -> list[int]:
            return master.read(32, 3)[0::2]

        before = look(master)
        troubled.say(f"stop {SILENT}")
        troubled.wait_for(f"rack {SILENT}: stop")
        until(valid, lambda seen: seen == [11, 11 * CELLS])
        silent = look(master)
        first = silent.age[SILENT][0]
        until(lambda: master.read(1200 + AGE, 1), lambda seen: seen[0] > first + 50)
        later = look(master)
        troubled.say(f"start {SILENT}")
        until(valid, lambda seen: seen == [12, 12 * CELLS])
        return Course(before, silent, later, look(master))


def test_before(course: Course) -> None:
    """All racks are good, and fresh within a second."""
    assert course.before.plant[32] == 12
    for rack in range(1, 13):
        assert course.before.quality[rack][:2] == [0, 0]
        assert max(course.before.age[rack][:5]) < 100


def test_values_of_the_silent_rack_go_missing(course: Course) -> None:
    """Voltage, current, power and charge read as not available, its limits as 0."""
    values = course.silent.values[SILENT]

    assert values[:6] == [0xFFFF, 0x8000, 0x8000, 0, 0xFFFF, 0xFFFF]
    assert values[12:18] == [0] * 6
    assert values[24] == 0xFFFF
    assert course.silent.cells[SILENT] == [0xFFFF] * 104


def test_the_mirror_says_why(course: Course) -> None:
    """The quality of the silent rack's values is questionable, old data."""
    assert course.silent.quality[SILENT][:6] == [OLD_DATA] * 6
    assert course.silent.cell_quality[SILENT] == [OLD_DATA] * 104


def test_the_age_grows(course: Course) -> None:
    """The age counts on from the last frame while the rack is silent."""
    for register in (0, 1, 4):
        assert course.silent.age[SILENT][register] >= 30
        assert course.later.age[SILENT][register] - course.silent.age[SILENT][register] >= 50


def test_other_racks_stay_good(course: Course) -> None:
    """Eleven racks keep their values, their quality and their freshness."""
    for moment in (course.silent, course.later):
        for rack in RACKS:
            assert moment.quality[rack][:6] == [0] * 6
            assert max(moment.age[rack][:5]) < 100
            assert 10400 < moment.values[rack][0] < 15200
            assert moment.cell_quality[rack] == [0] * 104
            assert all(2500 <= cell <= 3650 for cell in moment.cells[rack])


def test_the_container_counts_what_is_left(course: Course) -> None:
    """Eleven valid racks of twelve; the container's values say that not all contributed."""
    plant = course.silent.plant

    assert plant[30:35] == [12, 11, 11, 12 * CELLS, 11 * CELLS]
    assert 10400 < plant[10] < 15200
    for register in (10, 11, 13, 15, 17, 18):
        assert course.silent.plant_quality[register] == INACCURATE
        assert course.before.plant_quality[register] == 0


def test_the_silence_is_an_alarm(course: Course) -> None:
    """The rack and the container have the communication alarm, no other rack has, and it goes."""
    silent = course.silent

    assert silent.values[SILENT][44:48] == COMMUNICATION
    assert silent.plant[64:68] == COMMUNICATION
    assert all(silent.values[rack][44:48] == [0] * 4 for rack in RACKS)
    for moment in (course.before, course.back):
        assert moment.plant[64:68] == [0] * 4


def test_it_comes_back(course: Course) -> None:
    """With the first frames the rack is good again, and counted."""
    assert course.back.plant[32] == 12
    assert course.back.quality[SILENT][:6] == [0] * 6
    assert max(course.back.age[SILENT][:5]) < 100
    assert 10400 < course.back.values[SILENT][0] < 15200
    assert all(2500 <= cell <= 3650 for cell in course.back.cells[SILENT])
