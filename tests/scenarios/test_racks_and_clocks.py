"""Commands to single racks and to clocks, in bytes, up to what the simulated BMUs hear (R2, R30, R40)."""

from pathlib import Path

import pytest

from closed import EMS, PANEL, Closed

LEASE, SELECT = 61100, 61101
CLOCK = 61110
TAKEN, ROLE, CONTROL = 0, 1, 4


@pytest.fixture
def closed(tmp_path: Path) -> Closed:
    """An adopted plant with open racks."""
    return Closed(tmp_path).run(3)


def test_one_rack_connects_and_leaves(closed: Closed) -> None:
    """Selected by its number it joins alone; its disconnect needs the role only (R1, R2)."""
    closed.write(LEASE, 60)
    assert closed.write(61210, 1) == CONTROL, "not selected"
    assert closed.write(SELECT, 2202) == TAKEN
    assert closed.write(61200, 1) == CONTROL, "another rack is"
    assert closed.write(SELECT, 0) == TAKEN
    assert closed.write(SELECT, 2202) == TAKEN
    assert closed.write(61210, 2) == TAKEN
    closed.run(6, EMS)
    assert [closed.read(1025), closed.read(1125)] == [[0], [1]]
    assert 2 not in closed.requests(1)

    assert closed.write(61211, 1, peer="127.0.0.3") == TAKEN
    closed.run(3, EMS)
    assert closed.read(1125) == [0]
    assert closed.read(222, 3)[2] == 3


def test_a_disabled_rack_stays_out(closed: Closed) -> None:
    """Connecting the container leaves it where it is until it is enabled again (R29)."""
    assert closed.write(61203, 1) == TAKEN
    closed.write(LEASE, 60)
    closed.write(SELECT, 2000)
    assert closed.write(61103, 1) == TAKEN
    closed.run(6, EMS)

    assert [closed.read(1025), closed.read(1125)] == [[0], [1]]
    assert closed.read(1063) == [0]
    assert closed.read(1061) == [7]
    assert closed.write(61202, 1) == TAKEN
    assert closed.read(1063) == [1]


def test_the_clocks_of_bmus_are_set(closed: Closed) -> None:
    """Seconds since 1970 reach the BMUs as they were written; only an engineer may (R40)."""
    seconds = 1_790_000_000
    words = (seconds >> 16, seconds & 0xFFFF)
    assert closed.write(CLOCK, *words) == ROLE
    closed.write(LEASE, 60, peer=PANEL)
    assert closed.write(CLOCK, *words, peer=PANEL) == TAKEN
    closed.run(0.2)

    assert closed.plant.emitter.clock == seconds
    assert closed.read(CLOCK, 2) == list(words)
