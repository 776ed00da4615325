"""What faces let be written: commands that are read only, and power where it has a way to the PCS (R11)."""

from pathlib import Path

import pytest
from mapping.spoken import lines

from gateway.errors import MappingError
from gateway.mapping.image import Table
from gateway.mapping.library import Library
from gateway.mapping.site import Site, load_site
from gateway.model.command import INSTRUCTIONS, POWER_COMMANDS

SITE = """\
site: test
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 2, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
    {control}
faces:
  - {{map: {map}, listen: '127.0.0.1:5020'{face}}}
"""
CONTROL = "control: {{rating: {{charge: 1000, discharge: 2000}}, pcs: {{path: {path}{more}}}}}"
PATHS = {
    "polls_us": "", "we_drive": ", map: sim-pcs, address: '10.0.0.9:502'", "ems_relays": "",
    "hardwired": "",
}  # fmt: skip
OWN = """
map: own
version: 1.0.0
registers:
  - {at: 0, command: software_stop, type: u16}
  - {at: 10, table: TABLE, command: power_setpoint, type: f32}
"""


def site(folder: Path, path: str = "", face: str = "", name: str = "native") -> Site:
    """A site with one container, and control where there is a path."""
    (folder / "own.yaml").write_text(OWN.replace("TABLE", "holding"))
    (folder / "shown.yaml").write_text(OWN.replace("TABLE", "input"))
    control = CONTROL.format(path=path, more=PATHS[path]) if path else "title: no control"
    file = folder / "site.yaml"
    file.write_text(SITE.format(control=control, map=name, face=face))
    return load_site(Library(), str(file))


def refused(folder: Path, path: str = "", face: str = "", name: str = "native") -> list[str]:
    """What a site is refused for."""
    with pytest.raises(MappingError) as refusal:
        site(folder, path, face, name)
    return lines(refusal.value)


@pytest.mark.parametrize("path", ["", "polls_us", "we_drive"])
def test_r11_power_is_taken_where_it_has_a_way(tmp_path: Path, path: str) -> None:
    """The PCS polls us or is driven; without control nothing is taken anyway."""
    (face,) = site(tmp_path, path).faces

    assert face.map.commands >= POWER_COMMANDS


@pytest.mark.parametrize("path", ["ems_relays", "hardwired"])
def test_r11_power_is_refused_where_it_has_none(tmp_path: Path, path: str) -> None:
    """All its commands that the map takes are named, at the face, with the remedy; it helps."""
    remedy = "read_only: [power_*, reactive_*] here, or another path"
    where = f"but no power command reaches the PCS by {path} (R11); {remedy}"
    assert refused(tmp_path, path) == [
        f"site.yaml:9:11: it takes {', '.join(sorted(POWER_COMMANDS))}, {where}"
    ]
    assert refused(tmp_path, path, ", read_only: [power_*]") == [
        f"site.yaml:9:11: it takes reactive_setpoint, reactive_setpoint_percent, {where}"
    ]
    assert refused(tmp_path, path, name="own") == [
        f"site.yaml:9:11: it takes power_setpoint, {where}"
    ]
    site(tmp_path, path, ", read_only: [power_*, reactive_*]")
    site(tmp_path, path, ", read_only: [power_setpoint]", "own")


def test_r11_what_only_shows_power_takes_none(tmp_path: Path) -> None:
    """A command in input registers cannot be written."""
    (face,) = site(tmp_path, "ems_relays", name="shown").faces

    assert face.map.commands == {"software_stop"}


def test_read_only_commands(tmp_path: Path) -> None:
    """Names and patterns, and nothing else; what is shown stays, and tables that were one are one."""
    (whole,) = site(tmp_path, "polls_us").faces
    (face,) = site(tmp_path, "polls_us", ", read_only: [lease, 'rack_*able', '*cap']").faces
    gone = {
        "lease", "rack_enable", "rack_disable", "charge_current_cap", "discharge_current_cap",
    }  # fmt: skip

    assert whole.map.commands == set(INSTRUCTIONS)
    assert face.map.commands == whole.map.commands - gone
    assert face.map.tables[Table.HOLDING] is face.map.tables[Table.INPUT]
    assert face.map.holding.holes == whole.map.holding.holes
    assert site(tmp_path, "polls_us", ", read_only: ['*']").faces[0].map.commands == set()


def test_read_only_is_of_one_face(tmp_path: Path) -> None:
    """Another face of the same map takes what this one does not."""
    second = "}\n  - {map: native, listen: '127.0.0.1:5021'"
    watched, commanding = site(tmp_path, "polls_us", f", read_only: ['*']{second}").faces

    assert watched.map.commands == set()
    assert commanding.map.commands == set(INSTRUCTIONS)


def test_mailboxes_are_named_like_commands(tmp_path: Path) -> None:
    """Those of this map alone; a pattern that means neither is told."""
    box = "  - {at: 50, mailbox: note, type: u16, count: 2}\n"
    (tmp_path / "noted.yaml").write_text(OWN.replace("TABLE", "holding") + box)
    (face,) = site(tmp_path, "polls_us", ", read_only: [n*te]", "noted").faces

    assert not face.map.holding.writable.slots
    assert face.map.commands == {"software_stop", "power_setpoint"}
    assert site(tmp_path, "polls_us", "", "noted").faces[0].map.holding.writable.slots.keys() == {50, 51}  # fmt: skip
    assert refused(tmp_path, "polls_us", ", read_only: [nole]", "noted") == [
        "site.yaml:9:56: no command or mailbox is named 'nole'; did you mean 'note'?"
    ]


@pytest.mark.parametrize(
    ("face", "complaint"),
    [
        (", read_only: [lease, leese]", "9:64: no command is named 'leese'; did you mean 'lease'?"),
        (", read_only: [rack_open*, trip]", "9:57: no command is named 'rack_open*'; did you mean 'rack_enable'?"),
        (", read_only: lease", "9:56: 'read_only' must be a list"),
        (", readonly: [lease]", "9:45: 'readonly' is not known here; did you mean 'read_only'?"),
    ],
)  # fmt: skip
def test_a_mistake(tmp_path: Path, face: str, complaint: str) -> None:
    """Each is told at its place, with the nearest that is known."""
    assert refused(tmp_path, "polls_us", face) == [f"site.yaml:{complaint}"]
