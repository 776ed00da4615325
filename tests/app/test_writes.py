"""Writes between the answer and the disk: what takes effect when, and what takes it back (R3, R16, R41)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.model.event import Event

from closed import EMS, SCADA, Closed

LEASE, SELECT, MODE, CONNECT, DISCONNECT, RESET, TRIP = range(61100, 61107)
SELECT_CONNECT = 2000
TAKEN, CONTROL = 0, 4


@dataclass
class Disk:
    """A journal on paper, whose disk works when the test says so."""

    boot: int = 1
    failed: str = ""
    done: int = 0
    written: list[Event] = field(default_factory=list)
    tickets: int = 0
    waiting: list[tuple[int, Callable[[], None]]] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    kept_by: int = 0
    "The ticket of what was kept last."

    def write(self, events: Sequence[Event], kept: Mapping[str, str] | None = None) -> int:
        """Hand events over."""
        self.written += events
        self.tickets += 1
        if kept:
            self.kept |= kept
            self.kept_by = self.tickets
        return self.tickets

    def settled(self, ticket: int) -> bool:
        """Whether it is on disk."""
        return ticket <= self.done

    def when_settled(self, ticket: int, callback: Callable[[], None]) -> None:
        """Wait for the disk."""
        self.waiting.append((ticket, callback))

    def work(self) -> None:
        """The disk writes all that was handed over, and calls back."""
        self.done = self.tickets
        due, self.waiting = self.waiting, []
        for _, callback in due:
            callback()

    def told(self, row: str) -> list[str]:
        """What was written about a command."""
        return [event.detail for event in self.written if event.row == row]


@pytest.fixture
def disk() -> Disk:
    """A disk that waits."""
    return Disk()


@pytest.fixture
def closed(tmp_path: Path, disk: Disk) -> Closed:
    """An adopted plant with open racks whose journal is that disk; the EMS has the lease."""
    plant = Closed(tmp_path)
    plant.gateway.begin(disk, {}, lambda: plant.now)
    plant.run(3)
    assert plant.write(LEASE, 3600) == TAKEN
    return plant


def promised(closed: Closed, value: int = 1) -> None:
    """A connect that is taken and waits for the disk."""
    assert closed.write(SELECT, 0) == TAKEN
    assert closed.write(SELECT, SELECT_CONNECT) == TAKEN
    assert closed.write(CONNECT, value) == TAKEN


def told_to_connect(closed: Closed) -> bool:
    """Whether a rack is asked to connect within two seconds."""
    since = closed.now
    closed.run(2, EMS)
    return 2 in closed.requests(1, since) + closed.requests(2, since)


def test_unsafe_commands_wait_for_the_disk(closed: Closed, disk: Disk) -> None:
    """No rack is told before the command is on disk; then it is (R41)."""
    promised(closed)
    assert not told_to_connect(closed)

    disk.work()
    assert told_to_connect(closed)


@pytest.mark.parametrize("register", [DISCONNECT, TRIP, 61108, 61201, 61203])
def test_what_is_safe_takes_promises_back(closed: Closed, disk: Disk, register: int) -> None:
    """A disconnect, trip, stop or disable after it is the last word, also once the disk has worked (R3)."""
    promised(closed)
    assert closed.write(register, 1) == TAKEN
    disk.work()

    assert not told_to_connect(closed)
    assert disk.told("connect")[-1].startswith("refused, aborted_by_cancel")


def test_mode_ready_takes_run_back(tmp_path: Path, disk: Disk) -> None:
    """Run that waits for the disk does not come after ready (R3)."""
    plant = Closed(tmp_path, closed=True)
    plant.gateway.begin(disk, {}, lambda: plant.now)
    plant.run(3)
    plant.write(LEASE, 3600)
    assert plant.write(MODE, 4) == TAKEN
    assert plant.write(MODE, 3) == TAKEN
    disk.work()
    plant.run(1, EMS)

    assert plant.read(3) == [3]


def test_a_trip_beside_a_held_connect_acts_at_once(closed: Closed, disk: Disk) -> None:
    """In one block with what waits or is held, the safe way does not wait (R41)."""
    promised(closed)
    disk.work()
    closed.run(0.1, EMS)
    assert closed.write(CONNECT, 1, 0, 0, 1) == TAKEN

    assert closed.read(8) == [72]
    assert closed.read(3) == [5]


def test_a_select_and_its_command_come_in_two_writes(closed: Closed, disk: Disk) -> None:
    """One block that arms and operates is refused (R2)."""
    closed.write(SELECT, 0)

    assert closed.write(SELECT, SELECT_CONNECT, 0, 7) == CONTROL
    assert closed.read(225) == [18]
    disk.work()
    assert not told_to_connect(closed)


def test_a_command_that_waits_is_not_given_twice(closed: Closed, disk: Disk) -> None:
    """Written again it is held, with another value it is in execution already; there is one result."""
    promised(closed)
    assert closed.write(CONNECT, 1) == TAKEN
    assert closed.write(CONNECT, 2) == CONTROL
    assert closed.read(225) == [12]
    disk.work()
    closed.run(0.1, EMS)

    assert disk.told("connect").count("accepted") == 1


def test_a_failed_journal_refuses_what_is_unsafe(closed: Closed, disk: Disk) -> None:
    """While nothing can be written nothing more is asked of the plant; stops are taken (R41)."""
    closed.write(SELECT, SELECT_CONNECT)
    disk.failed = "the disk is full"

    assert closed.write(CONNECT, 1) == CONTROL
    assert closed.read(225) == [13]
    assert closed.write(TRIP, 1) == TAKEN


def test_a_disk_that_fails_meanwhile(closed: Closed, disk: Disk) -> None:
    """A command that was promised and cannot be written is refused in the result block (R41)."""
    promised(closed)
    disk.failed = "the disk is full"
    disk.work()

    assert closed.read(224, 2) == [6, 13]
    assert not told_to_connect(closed)


def test_answers_wait_for_the_latest_ticket(closed: Closed, disk: Disk) -> None:
    """A heartbeat behind a command in one segment does not let its answer leave early (R41)."""
    seen: list[str] = []
    closed.ask(bytes.fromhex("06 EEB0 0000"))  # clears what waits
    promised_pdus = (b"\x06\xee\xb0\x00\x01", b"\x06\xee\x48\x00\x09")
    for pdu in promised_pdus:
        closed.answered(pdu)
    waits = closed.gateway.settle(lambda: seen.append("on disk"))

    assert waits
    assert seen == []
    disk.work()
    assert seen == ["on disk"]


def test_nothing_closes_while_the_gateway_stops(closed: Closed, disk: Disk) -> None:
    """Once it is to stop, connects are refused, and those that wait are taken back (R16)."""
    promised(closed)
    closed.controller.retire()
    disk.work()
    assert not told_to_connect(closed)

    closed.write(SELECT, 0)
    closed.write(SELECT, SELECT_CONNECT)
    assert closed.write(CONNECT, 9) == CONTROL
    assert closed.read(225) == [8]


def test_the_same_refusal_is_told_once_a_minute(closed: Closed, disk: Disk) -> None:
    """A PLC that tries again and again does not fill the journal; each try has its result."""
    first = closed.read(220)[0]
    for value in range(1, 101):
        assert closed.write(CONNECT, value) == CONTROL
    assert len(disk.told("connect")) == 1
    assert closed.read(220)[0] == first + 100

    closed.run(61, EMS)
    assert closed.write(CONNECT, 999) == CONTROL
    assert len(disk.told("connect")) == 2


def test_orders_are_as_old_as_their_picture(closed: Closed) -> None:
    """Writes between cycles do not make a stalled cycle look alive (R8)."""
    pictured = closed.controller.orders.at
    closed.now += 5
    assert closed.write(TRIP, 1) == TAKEN

    assert closed.controller.orders.at == pictured
    assert closed.controller.pcs_order.at == pictured


def test_an_acknowledged_trip_is_remembered(closed: Closed, disk: Disk) -> None:
    """The answer to a trip waits until its latch is on disk, not its event alone (R15, R41)."""
    disk.work()
    closed.answered(b"\x06\xee\xb2\x00\x01")
    assert closed.gateway.settle(lambda: None)

    ticket, _ = disk.waiting[-1]
    assert "trip" in disk.kept["control C1"]
    assert ticket >= disk.kept_by


def test_what_survives_is_written_when_it_changes(closed: Closed, disk: Disk) -> None:
    """Cycles in which nothing of it happens write nothing."""
    closed.run(1, EMS)
    before = disk.tickets
    closed.run(5, EMS)

    assert disk.tickets == before


def test_the_journal_names_both_masters_that_fight(closed: Closed, disk: Disk) -> None:
    """Who wanted the lease, who had it, and whose setpoint was held (R7)."""
    assert closed.write(LEASE, 60, peer=SCADA) == CONTROL
    assert closed.write_i32(61003, 5_000, peer=SCADA) == TAKEN

    told = [(event.origin, event.row, event.detail) for event in disk.written]
    assert ("ems", "lease", "accepted") in told
    assert ("scada", "lease", "refused, locked_by_other, ems") in told
    assert ("scada", "power_setpoint", "held, locked_by_other, ems") in told
