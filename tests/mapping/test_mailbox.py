"""Mailboxes: storage in the registers of a map, whatever its types and orders."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from mapping.written import SMALL, picture, problems, text_of, words, written

from gateway.mapping.image import FaceMap, Table
from gateway.mapping.mailbox import Mailboxes, Slot
from gateway.mapping.placing import compile_map
from gateway.mapping.registers import entries
from gateway.mapping.writable import Hold
from gateway.model.command import Role

COIL, DISCRETE, HOLDING, INPUT = Table.COIL, Table.DISCRETE, Table.HOLDING, Table.INPUT


def made(folder: Path, *rows: str, **head: str) -> FaceMap:
    """A map."""
    return compile_map(written(folder, text_of(*rows, **head)), SMALL)


def shown(of: FaceMap, kept: Mailboxes, table: Table, address: int, count: int) -> list[int]:
    """Registers as they are read now."""
    return words(of.patched(of.encode(picture({})), None, kept)[table], address, count)


def put(of: FaceMap, kept: Mailboxes, table: Table, address: int, *values: int) -> None:
    """Write registers."""
    parts = of.tables[table].writable.covered(address, len(values)) or ()
    slots = [part for part in parts if isinstance(part, Slot)]
    assert len(slots) == len(parts)
    kept.put(slots, values)


@pytest.mark.parametrize(
    ("row", "head", "initial"),
    [
        ("type: u16, initial: 7", {}, [7]),
        ("type: u16, initial: 7, count: 3", {}, [7, 7, 7]),
        ("type: i16, initial: -1", {}, [0xFFFF]),
        ("type: u16, initial: 12.5, scale: 0.1", {}, [125]),
        ("type: u32, initial: 0x12345678", {}, [0x1234, 0x5678]),
        ("type: u32, initial: 0x12345678", {"word_order": "little"}, [0x5678, 0x1234]),
        ("type: u32, initial: 0x12345678", {"byte_order": "little"}, [0x3412, 0x7856]),
        ("type: u32, initial: 0x12345678, count: 2", {"word_order": "little", "byte_order": "little"}, [0x7856, 0x3412] * 2),
        ("type: string, words: 2, initial: abc", {"word_order": "little"}, [0x6162, 0x6300]),
        ("type: string, words: 2, initial: abc", {"byte_order": "little"}, [0x6261, 0x0063]),
        ("type: f64, initial: 1.5", {}, [0x3FF8, 0, 0, 0]),
    ],
)  # fmt: skip
def test_what_is_there_before_anybody_has_written(
    tmp_path: Path, row: str, head: dict[str, str], initial: list[int]
) -> None:
    """The initial value, in the map's type and order; and each register takes whatever is written to it."""
    of = made(tmp_path, f"at: 5, mailbox: note, {row}", **head)
    kept, size = Mailboxes(of.mailboxes), len(initial)

    assert words(of.encode(picture({}))[HOLDING], 5, size) == initial
    assert shown(of, kept, INPUT, 5, size) == initial
    for place in range(size):
        put(of, kept, HOLDING, 5 + place, 0xFF00 + place)
    assert shown(of, kept, HOLDING, 5, size) == [0xFF00 + place for place in range(size)]


def test_bits_are_coils_and_discrete_inputs(tmp_path: Path) -> None:
    """One row, both tables; or one of them."""
    of = made(
        tmp_path, "at: 0, mailbox: flags, type: bit, count: 3, initial: 1",
        "at: 9, table: discrete, mailbox: fixed, type: bit",
    )  # fmt: skip
    kept = Mailboxes(of.mailboxes)
    put(of, kept, COIL, 1, 0)

    assert shown(of, kept, COIL, 0, 3) == shown(of, kept, DISCRETE, 0, 3) == [1, 0, 1]
    assert COIL in of.tables
    assert of.tables[COIL].writable.covered(9, 1) is None


def test_a_name_is_one_storage_in_every_map(tmp_path: Path) -> None:
    """Each shows it in its own order; another name is another storage."""
    row = "mailbox: target, type: u32, initial: 1"
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one = made(tmp_path / "one", f"at: 0, {row}", "at: 10, mailbox: own, type: u16")
    other = made(tmp_path / "other", f"at: 40, {row}", word_order="little", byte_order="little")
    kept = Mailboxes([*one.mailboxes, *other.mailboxes])
    put(one, kept, HOLDING, 0, 0x1234, 0x5678)
    put(one, kept, HOLDING, 10, 0xABCD)

    assert shown(other, kept, HOLDING, 40, 2) == [0x7856, 0x3412]
    put(other, kept, HOLDING, 40, 0x0100)
    assert shown(one, kept, HOLDING, 0, 2) == [0x1234, 0x0001]
    assert shown(one, kept, HOLDING, 10, 1) == [0xABCD]


def test_a_write_may_reach_over_commands_and_mailboxes(tmp_path: Path) -> None:
    """In a row; not over a hole, and never half of a command."""
    of = made(
        tmp_path, "at: 0, mailbox: before, type: u16", "at: 1, command: power_setpoint, type: i32",
        "at: 3, mailbox: after, type: u32, owner: viewer", "at: 6, mailbox: far, type: u16",
    )  # fmt: skip
    writable = of.holding.writable

    def names(address: int, count: int) -> Sequence[str] | None:
        parts = writable.covered(address, count)
        told = [part for part in parts or () if not isinstance(part, Hold)]
        names = [
            part.box.name if isinstance(part, Slot) else part.instruction.name for part in told
        ]
        return None if parts is None else names

    assert names(0, 5) == ["before", "power_setpoint", "after", "after"]
    assert names(4, 1) == ["after"]
    assert names(0, 2) is None
    assert names(3, 4) is None
    assert {box.name: box.owner for box in of.mailboxes} == {
        "before": Role.DISPATCHER, "after": Role.VIEWER, "far": Role.DISPATCHER,
    }  # fmt: skip


def test_each_value_is_an_entry(tmp_path: Path) -> None:
    """For people and clients, numbered from 1 where there are several."""
    rows = written(tmp_path, text_of("at: 3, mailbox: pair, type: u32, count: 2", "at: 9, mailbox: one, type: u16"))  # fmt: skip
    told = [(entry.address, entry.words, entry.row.name, entry.indices) for entry in entries(rows, SMALL)]  # fmt: skip

    assert told == [(3, 2, "pair", (1,)), (5, 2, "pair", (2,)), (9, 1, "one", ())]


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("at: 0, mailbox: note, point: soc, type: u16", "a row shows exactly one of point, command, identity, const, mailbox and hold"),
        ("at: 0, point: soc, type: u16, count: 2", "is of mailboxes; remove it, or name a mailbox:"),
        ("at: 0, const: 1, type: u16, owner: viewer", "is of mailboxes; remove it, or name a mailbox:"),
        ("at: 0, mailbox: note, type: u16, initial: 70000", "70000 does not fit into u16"),
        ("at: 0, mailbox: note, type: u16, initial: text", "'text' is text; type: string, words:"),
        ("at: 65535, mailbox: note, type: u16, count: 2", "reaches register 65536; the last is 65535"),
        ("at: 0, mailbox: Two Words, type: u16", "'mailbox' "),
    ],
)  # fmt: skip
def test_a_mistake(tmp_path: Path, row: str, complaint: str) -> None:
    """Each is told at its place."""
    (told,) = problems(tmp_path, text_of(row))
    assert complaint in told


def test_two_rows_cannot_share_a_register(tmp_path: Path) -> None:
    """Of a mailbox or of anything else."""
    rows = text_of("at: 0, mailbox: note, type: u16, count: 4", "at: 3, point: soc, type: u16")
    (told,) = problems(tmp_path, rows)
    assert "register 3 is already taken" in told
