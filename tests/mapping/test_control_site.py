"""The parts of a site file that are about control: what they come to, and what they are refused for."""

import math
from pathlib import Path

import pytest
from mapping.spoken import lines

from gateway.control.settings import Intent, PcsPath
from gateway.errors import MappingError
from gateway.mapping.library import Library
from gateway.mapping.site import Site, load_site
from gateway.model.command import NOBODY, Role

SITE = """\
site: test
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 2, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
    control:
      rating: {{charge: 1000, discharge: 2000}}
      pcs: {pcs}
      {more}
faces:
  - {{map: native, listen: '127.0.0.1:5020'{face}}}
  - {{map: native, listen: '127.0.0.1:5021', read_only: [power_*, reactive_*]}}
masters:
  - {master}
"""
READ_ONLY = ", read_only: [power_*, reactive_*]"
MASTER = "{name: ems, from: 10.0.0.0/8, role: dispatcher, priority: 3}"
LISTENER = ("127.0.0.1", 5020)


PARTS = {
    "pcs": "{path: ems_relays}", "more": "tries: 2", "master": MASTER, "face": READ_ONLY,
}  # fmt: skip


def written(**parts: str) -> str:
    """The text of a site with one container under control."""
    return SITE.format(**{**PARTS, **parts})


def site(folder: Path, **parts: str) -> Site:
    """The same, loaded."""
    file = folder / "site.yaml"
    file.write_text(written(**parts))
    return load_site(Library(), str(file))


def refused(folder: Path, **parts: str) -> list[str]:
    """What a site is refused for."""
    with pytest.raises(MappingError) as refusal:
        site(folder, **parts)
    return lines(refusal.value)


def test_settings(tmp_path: Path) -> None:
    """Ratings, path and numbers are the site's; what it does not say is the rules' default."""
    more = (
        "{}\n      ".format("intent: charge")
        + "heartbeat_loss: 8\n      caps: {discharge_current: 250}\n      thresholds: [{row: soc_high, value: 95, delay: 2}]"
    )
    loaded = site(
        tmp_path,
        pcs="{path: we_drive, map: sim-pcs, address: '10.0.0.9:502', unit: 7, efficiency: 0.96, timeout: 3}",
        more=more,
    )
    (container,) = loaded.containers
    settings, pcs = container.settings, container.pcs
    assert settings is not None
    assert pcs is not None

    assert (settings.charge_rating, settings.discharge_rating) == (1000, 2000)
    assert (settings.path, settings.intent) == (PcsPath.WE_DRIVE, Intent.CHARGE)
    assert (settings.charge_cap, settings.discharge_cap) == (math.inf, 250)
    assert (settings.heartbeat_warning, settings.heartbeat_loss) == (3, 8)
    assert (settings.efficiency, settings.pcs_timeout, settings.drives_contactors) == (
        0.96,
        3,
        True,
    )
    assert [(item.row, item.value, item.delay) for item in settings.thresholds] == [
        ("soc_high", 95, 2)
    ]
    assert pcs.place == ("10.0.0.9", 502, 7)


def test_without_control_nothing_is_controlled(tmp_path: Path) -> None:
    """A container without a control part has no settings: all writes to it are refused."""
    text = written()
    before, _, after = text.partition("    control:")
    (tmp_path / "site.yaml").write_text(before + "faces:" + after.partition("faces:")[2])

    (container,) = load_site(Library(), str(tmp_path / "site.yaml")).containers
    assert container.settings is None


@pytest.mark.parametrize(
    ("parts", "complaint"),
    [
        ({"pcs": "{path: we_drive, map: sim-pcs}"}, "site.yaml:9:12: we_drive needs address: of the PCS (R11); give it"),
        (
            {"pcs": "{path: hardwired, map: sim-pcs}"},
            "site.yaml:9:35: hardwired has no use for it; remove it, or we_drive",
        ),
        (
            {"pcs": "{path: we_drive, map: sim-pc, address: '10.0.0.9:502'}"},
            "site.yaml:9:34: no such PCS map; did you mean 'sim-pcs'?",
        ),
        (
            {"more": "thresholds: [{row: cell_voltage_hi, value: 3.6}]"},
            "site.yaml:10:26: no interlock with a threshold is named 'cell_voltage_hi'; did you mean 'cell_voltage_high'?",
        ),
        (
            {"more": "thresholds: [{row: soc_high, value: .nan}]"},
            "site.yaml:10:43: 'value': input should be a finite number",
        ),
        (
            {"more": "thresholds: [{row: soc_high, value: 90}, {row: soc_high, value: 95}]"},
            "site.yaml:10:54: soc_high has a threshold already; remove one",
        ),
        (
            {"pcs": "{path: we_drive, map: sim-pcs, address: '10.0.0.9:99999'}"},
            "site.yaml:9:52: 99999 is no TCP port; 1 to 65535",
        ),
        (
            {"more": "rest_voltages: [{soc: 0, low: 2.5, high: 3}, {soc: 9, low: 3, high: 3}]"},
            "site.yaml:10:52: low must be below high; correct one of them",
        ),
        (
            {"more": "rest_voltages: [{soc: 10, low: 2.5, high: 3}, {soc: 10, low: 2.5, high: 3}]"},
            "site.yaml:10:59: soc must rise from row to row; sort the rows",
        ),
        (
            {"more": "heartbeat_warning: 6"},
            "site.yaml:8:7: heartbeat_warning must be shorter than heartbeat_loss; correct one of them",
        ),
        (
            {"master": "{name: ems, from: 10.0.0.300, role: viewer}"},
            "site.yaml:15:23: '10.0.0.300' is no address or network; like 10.0.0.5 or 10.0.0.0/24",
        ),
        (
            {"master": "{name: ems, at: '127.0.0.1:502', role: viewer}"},
            "site.yaml:15:21: no face listens at 127.0.0.1:502; name the listen: of a face",
        ),
        (
            {"master": MASTER + "\n  - {name: scada, from: 10.0.0.0/8, role: operator}"},
            "site.yaml:16:5: cannot be told apart from 'ems' (R6); give each an address or a listener of its own",
        ),
        (
            {"master": MASTER + "\n  - {name: ems, from: 10.0.0.1, role: operator}"},
            "site.yaml:16:12: a master named 'ems' exists already",
        ),
    ],
)  # fmt: skip
def test_a_mistake(tmp_path: Path, parts: dict[str, str], complaint: str) -> None:
    """Each mistake is told at its line and column, with the remedy."""
    assert refused(tmp_path, **parts) == [complaint]


def test_a_path_must_be_declared(tmp_path: Path) -> None:
    """Control without a way to the PCS is refused (R11)."""
    (complaint,) = refused(tmp_path, pcs="{efficiency: 0.9}")

    assert complaint.startswith("site.yaml:9:")
    assert "path" in complaint


def test_the_narrowest_master_is_meant(tmp_path: Path) -> None:
    """A listener counts more than a network, a narrow network more than a wide one; anybody else may read (R6)."""
    near = "{name: near, from: 10.1.2.3, role: operator, local: true}"
    door = "{name: door, from: 10.1.0.0/16, at: '127.0.0.1:5021', role: engineer}"
    known = f"{MASTER}\n  - {near}\n  - {door}"
    masters = site(tmp_path, master=known).masters

    assert masters.at("10.9.9.9", LISTENER).name == "ems"
    assert masters.at("::ffff:10.9.9.9", LISTENER).name == "ems"
    assert masters.at("10.1.2.3", LISTENER).name == "near"
    assert masters.at("10.1.2.3", LISTENER).is_local
    assert masters.at("10.1.2.3", ("127.0.0.1", 5021)).role is Role.ENGINEER
    assert masters.at("192.168.0.1", LISTENER) is NOBODY
    assert masters.at("somewhere", LISTENER) is NOBODY


def test_a_pcs_has_one_writer(tmp_path: Path) -> None:
    """Two containers that drive the PCS at one place are refused (R12)."""
    text = written(pcs="{path: we_drive, map: sim-pcs, address: '10.0.0.9:502'}")
    before, _, rest = text.partition("  - name: C1")
    first, _, after = rest.partition("faces:")
    second = first.replace("can0", "can1")
    buses = before.replace(
        "{can0: {interface: virtual}}", "{can0: {interface: virtual}, can1: {interface: virtual}}"
    )
    (tmp_path / "site.yaml").write_text(
        f"{buses}  - name: C1{first}  - name: C2{second}faces:{after}"
    )
    with pytest.raises(
        MappingError, match=r"two containers drive the PCS at 10\.0\.0\.9:502 unit 1"
    ):
        load_site(Library(), str(tmp_path / "site.yaml"))


def test_control_needs_quick_cycles(tmp_path: Path) -> None:
    """Orders live for a second, so a slow cycle would silence keep-alives (R8)."""
    text = written()
    (tmp_path / "site.yaml").write_text(text.replace("site: test", "site: test\ncycle: 0.5"))
    with pytest.raises(
        MappingError, match=r"site.yaml:2:8: a cycle of 0.5 s is too slow for control; at most 0.2"
    ):
        load_site(Library(), str(tmp_path / "site.yaml"))
