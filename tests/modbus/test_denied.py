"""Who shows no role that anybody has: every request is exception 1 (MB-TCP-Security v36, R-16, R-23, R-31)."""

import pytest
from modbus.adu import Notebook, adu, read

from gateway.modbus.functions import SERVED
from gateway.modbus.session import Session
from gateway.modbus.wire import answer


@pytest.mark.parametrize("function", [*SERVED, 0, 50, 127])
@pytest.mark.parametrize("unit", [1, 9])
def test_every_request_is_refused(function: int, unit: int) -> None:
    """Also what is malformed, what is not served and what nobody is behind: nothing is given away."""
    units = {1: Notebook()}
    before = units[1].images
    for body in (b"", b"\0\0\0\1", b"\0\5\xbe\xef", b"\x0e\1\0"):
        request = adu(bytes((function,)) + body, 7, unit)
        refused = adu(bytes((function | 0x80, 1)), 7, unit)

        assert answer(units, request, Session(is_denied=True), None) == refused
    assert units[1].images is before


def test_also_where_nothing_is_answered() -> None:
    """A face that is silent since no cycle is completed shows nothing by an exception."""
    bank = Notebook()
    bank.is_silent = True
    assert answer({1: bank}, read(0, 1), Session(is_denied=True)) == adu(b"\x83\x01")
    assert answer({1: bank}, read(0, 1), Session()) == b""
