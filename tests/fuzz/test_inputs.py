"""Every input that fuzzing begins with, and every one that it has found, without a fuzzer; and what would be found."""

from collections.abc import Callable

import pytest
from fuzz.seeds import REQUESTS, found, seeds
from fuzz.spans import addresses, mapped
from fuzz.targets import Served, run, sound
from fuzz.unit import Setting
from fuzz.witness import Wrong

from gateway.mapping.image import Image, Table
from gateway.modbus.wire import answer

WELL = Setting.of(0, 0)


def test_the_table_of_spans_is_the_map() -> None:
    """What the witness knows of the map is what the gateway has made of it."""
    for name, table in mapped().tables.items():
        assert {at for at, hole in enumerate(table.holes) if not hole} == addresses(name)


def test_seeds() -> None:
    """The specification's examples and our own, in every target's form, with every kind of setting."""
    for data in seeds():
        run(data)


@pytest.mark.parametrize("data", found(), ids=lambda data: data.hex()[:40])
def test_what_was_found(data: bytes) -> None:
    """It is right now."""
    run(data)


def asked(pdu: bytes) -> tuple[Served, bytes, bytes]:
    """A new unit, a request to it, its answer."""
    served = Served.new(WELL)
    request = bytes((0x15, 1, 0, 0, 0, len(pdu) + 1, 1)) + pdu
    return served, request, answer(served.units, request, served.peer.session)


def is_noticed(served: Served, request: bytes, response: bytes) -> bool:
    """Whether such an answer is said to be wrong."""
    try:
        sound(request, response)
        served.judge(request[6], request[7:], response[7:])
    except Wrong:
        return True
    return False


@pytest.mark.parametrize("pdu", REQUESTS, ids=lambda pdu: pdu.hex()[:20])
def test_an_answer_with_one_wrong_byte_is_noticed(pdu: bytes) -> None:
    """Whichever it is; so is one that is longer or shorter, and the right one is not."""
    assert not is_noticed(*asked(pdu))
    for at in range(len(asked(pdu)[2])):
        served, request, response = asked(pdu)
        spoilt = response[:at] + bytes((response[at] ^ 1,)) + response[at + 1 :]
        assert is_noticed(served, request, spoilt), spoilt.hex(" ")
    for change in (lambda told: told[:-1], lambda told: told + b"\0", lambda _: b""):
        served, request, response = asked(pdu)
        assert is_noticed(served, request, change(response))


def _word_changed(served: Served) -> None:
    bank = served.witnesses[0].unit.bank
    data = bytearray(bank.images[Table.HOLDING].data)
    data[40] ^= 1
    bank.images = {**bank.images, Table.HOLDING: Image(bytes(data), None)}


def _command_admitted(served: Served) -> None:
    served.witnesses[0].unit.judge.admitted.append("trip 0")


@pytest.mark.parametrize("deed", [_word_changed, _command_admitted])
def test_a_refused_write_that_does_something_is_noticed(deed: Callable[[Served], None]) -> None:
    """A register that changes, a command that reaches control."""
    served, request, response = asked(bytes.fromhex("06 0002 0003"))
    assert response[7:] == b"\x86\2"
    deed(served)

    assert is_noticed(served, request, response)
