"""What a face hides of alarms, and what it never does (R39)."""

from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.mapping.image import Table
from gateway.mapping.library import Library
from gateway.mapping.site import load_site
from gateway.modbus.session import Session
from gateway.model.alarm import CAUSE, Level, alarm_point

SITE = """
site: masked
buses: {can0: {interface: virtual}}
containers:
  - name: C1
    topology: {racks: 2, modules: 8, cells: 52}
    sources: [{frames: demo-bmu, bus: can0}]
    control: {rating: {charge: 1000, discharge: 1000}, pcs: {path: polls_us}}
faces:
  - {map: native, listen: '127.0.0.1:5020', unit: 1}
  - {map: native, listen: '127.0.0.1:5020', unit: 2, hides: [warning]}
  - {map: native, listen: '127.0.0.1:5020', unit: 3, hides: [warning, alarm]}
"""
SUMMARY, SOC, TRIPS, ALARMS, WARNINGS = 7, 15, 1040, 1044, 1048
DOOR = 1 << CAUSE["door"].bit


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    """Three faces of one container, of whose first rack all is told."""
    (tmp_path / "site.yaml").write_text(SITE)
    found = Gateway(load_site(Library(), str(tmp_path / "site.yaml")))
    store = found.containers["C1"].store
    for level in Level:
        element = store.layout.element(alarm_point(level, CAUSE["door"]), 1)
        store.values[element], store.detail[element] = 1.0, 0
    found.cycle(1.0)
    return found


def test_levels_are_hidden_where_the_face_says_so(gateway: Gateway) -> None:
    """Fields, and bits of the summary; trips are everywhere, and so are the effects."""
    (banks,) = gateway.faces.listeners().values()
    shown = []
    for bank in banks.values():
        words = [
            int.from_bytes(bank.read(Table.HOLDING, at, words, Session()), "big")
            for at, words in ((TRIPS, 4), (ALARMS, 4), (WARNINGS, 4), (SUMMARY, 1))
        ]
        shown.append([*(bool(word & DOOR) for word in words[:3]), words[3] & 0b1111])

    assert shown == [
        [True, True, True, 0b1111], [True, True, False, 0b1110], [True, False, False, 0b1100],
    ]  # fmt: skip
