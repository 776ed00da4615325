"""The Orion adapter, and how any adapter comes into a site. Frames here are made by the test: no capture
of a real one was at hand.
"""  # noqa: D205 - one sentence a line

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.orion import IDENTIFIER, OrionCells, checksum
from gateway.app import Gateway
from gateway.canbus.adapter import Assignment, Reading, load_adapter
from gateway.canbus.frame import Frame
from gateway.errors import AdapterError, MappingError
from gateway.mapping.library import Library
from gateway.mapping.plan import Coded
from gateway.mapping.site import Site, load_site
from gateway.model.pack import Layout, Topology

from program import Program

SITE = """
site: orion
buses:
  can0: {interface: virtual}
containers:
  - name: pack
    topology: {racks: 1, modules: 2, cells: 6}
    sources:
      - {adapter: orion, bus: can0}
"""


def cell_frame(cell: int, millivolts: float, *, balancing: bool = False) -> bytes:
    """A broadcast of one cell."""
    head = bytes((cell,)) + round(millivolts * 10).to_bytes(2, "big")
    data = head + bytes((balancing << 7, 20)) + head[1:]
    return data + bytes((checksum(data),))


def load_site_of(folder: Path, text: str = SITE) -> Site:
    """The site of a text."""
    file = folder / "site.yaml"
    file.write_text(text)
    return load_site(Library(), str(file))


def site_at_work(folder: Path, text: str = SITE) -> Gateway:
    """The gateway of a site file."""
    return Gateway(load_site_of(folder, text))


def test_cells_come_in_by_their_number(tmp_path: Path) -> None:
    """Cell 7 of the broadcast (from 0) is cell 2 of module 2; its age counts from its own frame."""
    gateway = site_at_work(tmp_path)
    gateway.receive("can0", Frame(10.0, IDENTIFIER, cell_frame(7, 3312.5, balancing=True)))
    gateway.receive("can0", Frame(20.0, IDENTIFIER, cell_frame(0, 3300)))
    gateway.cycle(25.0)
    snapshot = gateway.containers["pack"].snapshot

    assert snapshot["cell_voltage"][0, 1, 1] == 3.3125
    assert snapshot["cell_balancing"][0, 1, 1] == 1
    assert snapshot["cell_voltage"][0, 0, 0] == 3.3
    assert snapshot["cell_voltage_max"] == 3.3125
    assert snapshot["cells_valid"] == 2
    ages = snapshot.age[snapshot.layout.slices["cell_voltage"]]
    assert (ages[7], ages[0], ages[1]) == (15.0, 5.0, float("inf"))


def test_a_wrong_checksum_or_length_tells_nothing(tmp_path: Path) -> None:
    """A damaged frame neither changes nor renews a value."""
    gateway = site_at_work(tmp_path)
    whole = cell_frame(0, 3300)
    for data in (whole[:7], whole[:7] + bytes((whole[7] ^ 1,)), b"", cell_frame(200, 3300)):
        gateway.receive("can0", Frame(1.0, IDENTIFIER, data))
    gateway.cycle(1.0)

    assert gateway.containers["pack"].snapshot["cells_valid"] == 0


@given(st.binary(max_size=64))
def test_any_bytes_are_survived(data: bytes) -> None:
    """An adapter is total: no payload raises anything."""
    cells = OrionCells(Assignment(Layout(Topology(1, 2, 6)), "can0", {1: 1}))

    assert len(list(cells.decode(Frame(0.0, IDENTIFIER, data)))) <= 1


def test_an_unknown_adapter_is_told_with_the_known_ones(tmp_path: Path) -> None:
    """In the site file at its place, and from Python."""
    with pytest.raises(
        MappingError, match=r"site.yaml:9:19: no adapter is named 'orin'; known: orion"
    ):
        site_at_work(tmp_path, SITE.replace("adapter: orion", "adapter: orin"))
    with pytest.raises(AdapterError, match="known: orion"):
        load_adapter("orin")


def test_a_source_is_either_frames_or_an_adapter(tmp_path: Path) -> None:
    """Both or none of them is a problem at its place."""
    with pytest.raises(
        MappingError, match=r"site.yaml:9:9: a source names either frames or an adapter"
    ):
        site_at_work(tmp_path, SITE.replace("adapter: orion", "racks: 1"))


def test_an_identifier_belongs_to_one_message_or_adapter(tmp_path: Path) -> None:
    """A message and an adapter on one identifier are told, not left to chance."""
    (tmp_path / "other.yaml").write_text(
        "protocol: other\nmessages:\n  - id: 0x036\n    period: 1\n"
        "    signals: {volts: {bytes: 0-1, point: rack_voltage}}\n"
    )
    both = SITE + "      - {frames: other, bus: can0}\n"
    with pytest.raises(MappingError, match=r"site.yaml:6:5: 036 on can0 already belongs to pack"):
        site_at_work(tmp_path, both)


def test_an_adapter_that_fails_costs_its_frame_and_nothing_else(tmp_path: Path) -> None:
    """A guest with a bug does not take the house down."""

    class Broken:
        def __init__(self) -> None:
            self.slots = OrionCells(Assignment(Layout(Topology(1, 2, 6)), "can0", {1: 1})).slots
            self.slot_of: Mapping[int, int] = {}

        def decode(self, frame: Frame) -> list[Reading]:
            raise KeyError(frame.key)

    container = load_site_of(tmp_path).containers[0]
    broken = replace(container, coded=[Coded("can0", Broken(), 0)])
    gateway = Gateway(replace(load_site_of(tmp_path), containers=[broken]))
    for _ in range(3):
        gateway.receive("can0", Frame(0.0, IDENTIFIER, cell_frame(0, 3300)))
    gateway.cycle(0.1)

    assert gateway.containers["pack"].snapshot["cells_valid"] == 0


def test_orion_serves_one_rack_and_knows_what_a_cell_can_have(tmp_path: Path) -> None:
    """A second rack would stay unread without a word; 0 V and 6.55 V are no readings."""
    two = SITE.replace("racks: 1", "racks: 2")
    with pytest.raises(MappingError, match="orion serves one rack"):
        site_at_work(tmp_path, two)
    gateway = site_at_work(tmp_path)
    gateway.receive("can0", Frame(0.0, IDENTIFIER, cell_frame(0, 0)))
    gateway.receive("can0", Frame(0.0, IDENTIFIER, cell_frame(1, 6553.5)))
    gateway.cycle(0.1)

    assert gateway.containers["pack"].snapshot["cells_valid"] == 0


def test_decode_shows_what_an_adapter_reads(tmp_path: Path) -> None:
    """Point, place, value and text of a frame that counts; a damaged one says so."""
    load_site_of(tmp_path)
    whole = cell_frame(7, 3312.5, balancing=True)
    lines = [
        f"(1.{number}00000) can0 036#{data.hex()}"
        for number, data in enumerate((whole, whole[:7] + b"\0"))
    ]
    (tmp_path / "cells.log").write_text("\n".join(lines) + "\n")
    good, damaged = Program(tmp_path)("decode", "site.yaml", "cells.log").stdout.splitlines()

    assert good.endswith("cell_8: cell_voltage 1.2.2 3.3125 V, cell_balancing 1.2.2 on")
    assert damaged.endswith("OrionCells: nothing that counts")
