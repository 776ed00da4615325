"""The worked examples of the Modbus specification (APP V1.1b3 clause 6), byte by byte at the running gateway.

Sockets of the standard library alone. Functions of serial lines (7, 11, 24) are not served: exception 1.
"""

import socket

import pytest
from modbus.adu import adu
from modbus.service import response

import gateway

BASIC = ("ess-gateway", "essgw", gateway.__version__)
TOLD = "".join(f"{number:02X} {len(text):02X} {text.encode().hex()} " for number, text in enumerate(BASIC))  # fmt: skip


@pytest.mark.parametrize(
    ("before", "asked", "answered", "look", "kept"),
    [
        ("0F 0013 0013 03 CD6B05", "01 0013 0013", "01 03 CD6B05", "", ""),
        ("0F 0BB8 0016 03 ACDB35", "02 00C4 0016", "02 03 ACDB35", "", ""),
        ("10 006B 0003 06 022B 0000 0064", "03 006B 0003", "03 06 022B 0000 0064", "", ""),
        ("06 0008 000A", "04 0008 0001", "04 02 000A", "", ""),
        ("05 00AC 0000", "05 00AC FF00", "05 00AC FF00", "01 00AB 0003", "01 01 02"),
        ("06 0001 0000", "06 0001 0003", "06 0001 0003", "03 0001 0001", "03 02 0003"),
        ("", "07", "87 01", "", ""),
        ("", "08 0000 A537", "08 0000 A537", "", ""),
        ("", "0B", "8B 01", "", ""),
        ("0F 0012 000C 02 FF0F", "0F 0013 000A 02 CD01", "0F 0013 000A", "01 0012 000C", "01 02 9B0B"),
        ("", "10 0001 0002 04 000A 0102", "10 0001 0002", "03 0001 0002", "03 04 000A 0102"),
        ("06 0004 0012", "16 0004 00F2 0025", "16 0004 00F2 0025", "03 0004 0001", "03 02 0017"),
        ("10 0003 0006 0C 00FE 0ACD 0001 0003 000D 00FF", "17 0003 0006 000E 0003 06 00FF 00FF 00FF",
         "17 0C 00FE 0ACD 0001 0003 000D 00FF", "03 000E 0003", "03 06 00FF 00FF 00FF"),
        ("", "18 04DE", "98 01", "", ""),
        ("", "2B 0E 01 00", f"2B 0E 01 82 00 00 03 {TOLD}", "", ""),
    ],
    ids=lambda text: text[:2] if text[2:3] == " " else None,
)  # fmt: skip
def test_the_specification_s_examples(
    storage: int, before: str, asked: str, answered: str, look: str, kept: str
) -> None:
    """After a first write, the example's request has the example's response; what it wrote is there."""
    with socket.create_connection(("127.0.0.1", storage), timeout=10) as link:
        if before:
            link.sendall(adu(before, 0xFFFF))
            assert not response(link)[7] & 0x80
        link.sendall(adu(asked, 0x1501))
        assert response(link) == adu(answered, 0x1501)
        if look:
            link.sendall(adu(look, 0x1502))
            assert response(link) == adu(kept, 0x1502)
