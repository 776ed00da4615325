"""The registers behind one unit id."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from mapping.written import compiled
from modbus.adu import NUMBERED, adu, numbered, read, registers

from gateway.mapping.image import REGISTERS, Image, Table
from gateway.modbus.bank import Bank, Code, Refused, Space
from gateway.modbus.session import Session
from gateway.modbus.wire import answer
from gateway.model.command import NOBODY, Command, Origin, Role

HOLDING = Table.HOLDING


def test_a_new_bank_reads_zeros() -> None:
    """Before the first image the registers are there and 0."""
    bank = registers(bytes(REGISTERS))

    assert bank.read(HOLDING, 0, 125) == bytes(250)
    assert bank.read(HOLDING, 65535, 1) == bytes(2)


def test_registers_are_big_endian() -> None:
    """A register is its two bytes of the image, high byte first."""
    assert numbered().read(HOLDING, 0x1234, 2) == bytes.fromhex("1234 1235")


def test_an_image_is_swapped_as_a_whole() -> None:
    """A new image shows in the next read, all of it."""
    bank = numbered()
    bank.images = {HOLDING: Image(NUMBERED[::-1], None)}

    assert bank.read(HOLDING, 0, 2) == b"\xff\xff\xfe\xff"


@pytest.mark.parametrize(("address", "quantity"), [(100, 1), (99, 2), (100, 3), (90, 20)])
def test_a_register_that_does_not_exist(address: int, quantity: int) -> None:
    """A read that touches a hole is an illegal address."""
    with pytest.raises(Refused) as refusal:
        numbered(missing=[100]).read(HOLDING, address, quantity)

    assert refusal.value.code is Code.ILLEGAL_ADDRESS


@pytest.mark.parametrize(("address", "quantity"), [(98, 2), (101, 3)])
def test_reads_beside_a_hole(address: int, quantity: int) -> None:
    """A read up to a hole, or from behind it, is served."""
    assert numbered(missing=[100]).read(HOLDING, address, quantity)[:2] == address.to_bytes(
        2, "big"
    )


@pytest.mark.parametrize(("address", "quantity"), [(100, 1), (99, 2), (100, 3)])
def test_a_register_with_nothing_to_show(address: int, quantity: int) -> None:
    """A read that touches a blocked register is a server failure, on the wire exception 4."""
    bank = numbered(silent=[100])

    assert answer({1: bank}, read(address, quantity))[7:] == b"\x83\x04"
    assert bank.read(HOLDING, 98, 2) == bytes.fromhex("0062 0063")


def test_a_hole_is_found_before_a_silent_register() -> None:
    """Where a read touches both, the address is what is wrong."""
    bank = numbered(missing=[101], silent=[100])

    assert answer({1: bank}, read(100, 2))[7:] == b"\x83\x02"


def test_without_commands_nothing_can_be_written() -> None:
    """Registers that are no commands are refused, also those at the end and those that do not exist."""
    for address in (0, 100, 65535):
        with pytest.raises(Refused) as refusal:
            numbered(missing=[100]).write(HOLDING, address, b"\0\1", Session())
        assert refusal.value.code is Code.ILLEGAL_ADDRESS


@dataclass
class Paper:
    """A judge that writes down what it is asked, and says what the test wants."""

    fitting: bool = True
    taking: bool = True
    asked: list[str] = field(default_factory=list)
    commands: list[tuple[str, int, float]] = field(default_factory=list)

    def note(self, table: str, address: int, words: bytes, origin: Origin) -> None:
        """A write came."""
        self.asked.append(f"{origin.name} {table} {address} {words.hex()}")

    def is_within_rating(self, command: Command) -> bool:
        """Whether the plant is built for such a value."""
        self.asked.append(f"rated {command.value:g}")
        return self.fitting

    def admit(self, commands: Sequence[Command]) -> bool:
        """Whether the write is taken."""
        self.asked.append("admit")
        self.commands += [(item.instruction.name, item.rack, item.value) for item in commands]
        return self.taking


ROWS = (
    "at: 10, command: ems_heartbeat, type: u16",
    "at: 11, command: power_setpoint, type: i32, sign: charge",
    "at: 13, command: charge_current_cap, type: u16, scale: 0.1",
    "at: 14, command: power_setpoint_percent, type: f32, word_order: little",
    "at: 20, command: rack_disconnect, type: u16, stride: {rack: 4}",
)
EMS = Origin("ems", Role.DISPATCHER)


def writable(folder: Path, judge: Paper) -> Bank:
    """A bank of some commands."""
    table = compiled(folder, *ROWS)
    return Bank({HOLDING: Space(table.holes, table.writable)}, judge=judge)


def refused(bank: Bank, address: int, words: str, origin: Origin = EMS) -> Code:
    """The code that a write is refused with."""
    with pytest.raises(Refused) as refusal:
        bank.write(HOLDING, address, bytes.fromhex(words), Session(origin))
    return refusal.value.code


def test_words_become_commands(tmp_path: Path) -> None:
    """Scale, sign, word order and stride of a row say which value a write means, for which rack."""
    judge = Paper()
    bank = writable(tmp_path, judge)
    bank.write(HOLDING, 10, bytes.fromhex("FFFF 0001 86A0 04D2 0000 4248"), Session(EMS))
    bank.write(HOLDING, 28, bytes.fromhex("0007"), Session(EMS))

    assert judge.commands == [
        ("ems_heartbeat", 0, 65535), ("power_setpoint", 0, -100_000),
        ("charge_current_cap", 0, pytest.approx(123.4)), ("power_setpoint_percent", 0, 50),
        ("rack_disconnect", 3, 7),
    ]  # fmt: skip


def test_the_pattern_of_no_value_withdraws(tmp_path: Path) -> None:
    """What stands for a missing value withdraws a setpoint, and is no number of a heartbeat."""
    judge = Paper()
    bank = writable(tmp_path, judge)
    bank.write(HOLDING, 11, bytes.fromhex("8000 0000 FFFF 0000 7FC0"), Session(EMS))

    assert [math.isnan(value) for _, _, value in judge.commands] == [True] * 3


@pytest.mark.parametrize(
    ("address", "words"),
    [(11, "0001"), (12, "0001"), (10, "0001 0002"), (12, "0001 0002"), (15, "0000 0001"), (9, "0001"), (16, "0001")],
)  # fmt: skip
def test_only_whole_values(tmp_path: Path, address: int, words: str) -> None:
    """A write that covers a value in part, or what is no command, is an illegal address; nobody is asked."""
    judge = Paper()

    assert refused(writable(tmp_path, judge), address, words) is Code.ILLEGAL_ADDRESS
    assert judge.asked == []


def test_the_order_of_checks(tmp_path: Path) -> None:
    """Address 2, then role 1, then value 3, then control 4; only what passes is admitted (DESIGN 6)."""
    judge = Paper(fitting=False, taking=False)
    bank = writable(tmp_path, judge)
    bank.rejects_beyond_rating = True

    assert refused(bank, 9, "0001", NOBODY) is Code.ILLEGAL_ADDRESS
    assert refused(bank, 10, "0001", NOBODY) is Code.ILLEGAL_FUNCTION
    assert refused(bank, 10, "0001") is Code.ILLEGAL_VALUE
    assert "admit" not in judge.asked
    judge.fitting = True
    assert refused(bank, 10, "0001") is Code.SERVER_FAILURE
    assert refused(bank, 20, "FFFF") is Code.ILLEGAL_VALUE


def test_a_write_acts_where_nothing_can_be_read(tmp_path: Path) -> None:
    """R1, function 23: with nothing to show (4) or a face withheld (0B) the write is judged first all the same."""
    for withheld, code in ((False, b"\x97\x04"), (True, b"\x97\x0b")):
        judge = Paper()
        bank = writable(tmp_path, judge)
        bank.images = {HOLDING: Image(NUMBERED, bytes(10) + b"\1" * (REGISTERS - 10))}
        bank.is_withheld = withheld
        response = answer({1: bank}, adu("17 000A 0001 0014 0001 02 0007"), Session(EMS))

        assert response[7:] == code
        assert judge.commands == [("rack_disconnect", 1, 7)]


@pytest.mark.parametrize(
    ("address", "origin", "code"), [("0009", EMS, 2), ("000B", EMS, 2), ("000A", NOBODY, 1), ("000A", EMS, 4)]
)  # fmt: skip
def test_a_mask_write_is_checked_before_anything_is_looked_at(
    tmp_path: Path, address: str, origin: Origin, code: int
) -> None:
    """What may not be written is 2 or 1, even where there is nothing to show to mask: that is 4."""
    judge = Paper()
    bank = writable(tmp_path, judge)
    bank.images = {HOLDING: Image(NUMBERED, b"\1" * REGISTERS)}

    assert answer({1: bank}, adu(f"16 {address} 00F2 0025"), Session(origin))[7:] == bytes(
        (0x96, code)
    )
    assert judge.asked == []
