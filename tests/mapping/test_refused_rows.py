"""Rows that refuse to be read without a value: also those of control and of masters' traffic, which come later (R19)."""

import dataclasses
from pathlib import Path

import pytest
from mapping.written import compiled, picture

from gateway.control.panel import panel_layout
from gateway.mapping.image import Image, RegisterMap
from gateway.mapping.mailbox import Mailboxes
from gateway.mapping.shown import blank
from gateway.model.pack import Layout, Snapshot
from gateway.model.quality import Detail
from gateway.model.traffic import Counts
from gateway.model.traffic import picture as traffic

PACK, PANEL, TRAFFIC = 0, 10, 20
ROWS = (
    f"at: {PACK}, point: voltage, type: u16",
    f"at: {PANEL}, point: charge_power_allowed, type: u32",
    f"at: {TRAFFIC}, point: master_requests, type: u32, stride: {{master: 2}}",
)


def refused(image: Image) -> set[int]:
    """The registers that may not be read."""
    return {place for place, is_refused in enumerate(image.blocked or b"") if is_refused}


def known(layout: Layout, name: str) -> Snapshot:
    """A picture in which one point is 7."""
    nothing = blank(layout)
    values, quality = nothing.values.copy(), nothing.quality.copy()
    values[layout.slices[name]], quality[layout.slices[name]] = 7.0, Detail.NONE
    return dataclasses.replace(nothing, values=values, quality=quality)


@pytest.fixture
def registers(tmp_path: Path) -> RegisterMap:
    """A map that refuses what is missing."""
    return compiled(tmp_path, *ROWS, missing="exception")


def test_r19_what_control_does_not_know_is_refused(registers: RegisterMap) -> None:
    """Without control, and with one that knows nothing; what it knows is shown, what the pack lacks stays refused."""
    layout = panel_layout(picture({}).layout.topology)
    base, boxes = registers.encode(picture({})), Mailboxes(())
    others = refused(base)
    limit = {PANEL, PANEL + 1}

    assert PACK in others
    assert refused(registers.patched(base, None, boxes)) == others | limit
    assert refused(registers.patched(base, blank(layout), boxes)) == others | limit
    shown = registers.patched(base, known(layout, "charge_power_allowed"), boxes)
    assert refused(shown) == others
    assert shown.data[2 * PANEL : 2 * PANEL + 4] == bytes((0, 0, 0, 7))


def test_masters_that_are_not_there_are_refused(registers: RegisterMap) -> None:
    """All of them before traffic was told, then those beyond the site's; beside what the pack knows."""
    pack = picture({"voltage": 7})
    first, second = {TRAFFIC, TRAFFIC + 1}, {TRAFFIC + 2, TRAFFIC + 3}
    before = refused(registers.encode(pack))
    after = refused(registers.telling(traffic(Counts(), ["ems"], 1.0)).encode(pack))

    assert PACK not in before
    assert first | second < before
    assert before - after == first | second
    assert after
