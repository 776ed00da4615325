"""How a site drives contactors: what it comes to, and what it is refused for (R27, R28, R31)."""

from pathlib import Path

import pytest
from mapping.spoken import lines

from gateway.control.facts import facts_of
from gateway.control.settings import Settings
from gateway.errors import MappingError
from gateway.mapping.library import Library
from gateway.mapping.site import load_site
from gateway.model.order import COILS
from gateway.model.store import Store

SITE = """\
site: test
buses: {{can0: {{interface: virtual}}, can1: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 2, modules: 8, cells: 52}}
    sources: [{sources}]
    control:
      rating: {{charge: 1000, discharge: 2000}}
      pcs: {{path: ems_relays}}
      {more}
faces: [{{map: native, listen: '127.0.0.1:5020', read_only: [power_*, reactive_*]}}]
"""
MEASURED, DRIVEN = "{frames: demo-bmu, bus: can0}", "{frames: demo-bmu-coils, bus: can0}"
BOTH = f"{MEASURED}, {DRIVEN}"
BARE = """\
protocol: bare
messages:
  - id: '0x1{rack}0'
    period: 1
    length: 8
    signals: {v: {bytes: 0-1, point: rack_voltage}, closed: {bytes: 2, point: rack_connected}}
"""
INSTEAD = "or say contactors: requests"


def settings(folder: Path, sources: str = BOTH, more: str = "contactors: coils") -> Settings:
    """What a site comes to."""
    (folder / "bare.yaml").write_text(BARE)
    file = folder / "site.yaml"
    file.write_text(SITE.format(sources=sources, more=more))
    found = load_site(Library(), str(file)).containers[0].settings
    assert found is not None
    return found


def refused(folder: Path, sources: str = BOTH, more: str = "contactors: coils") -> list[str]:
    """What a site is refused for."""
    with pytest.raises(MappingError) as refusal:
        settings(folder, sources, more)
    return lines(refusal.value)


@pytest.mark.parametrize(
    ("sources", "more", "leads", "coils"),
    [
        (MEASURED, "tries: 2", True, False),
        (BOTH, "contactors: requests", True, False),
        (BOTH, "contactors: coils", True, True),
        ("{frames: bare, bus: can0}", "tries: 2", False, False),
    ],
)
def test_contactors_are_led_by_request_unless_told_otherwise(
    tmp_path: Path, sources: str, more: str, *, leads: bool, coils: bool
) -> None:
    """Coil by coil where the site says so; where no frame carries an order, racks are followed (R27)."""
    found = settings(tmp_path, sources, more)

    assert (found.drives_contactors, found.drives_coils) == (leads, coils)


def test_numbers_of_precharge(tmp_path: Path) -> None:
    """The rules' defaults, or the site's; tries, pauses and lockout are those of any connecting (R28)."""
    default = settings(tmp_path)
    more = "contactors: coils\n      precharge_difference: 0.05\n      precharge_time: 4\n      tries: 2"
    own = settings(tmp_path, more=more)

    assert (default.precharge_difference, default.precharge_time, default.tries) == (0.02, 2, 3)
    assert (default.precharge_current, default.precharge_settle, default.coil_time) == (2, 0.3, 1)
    assert (own.precharge_difference, own.precharge_time, own.tries) == (0.05, 4, 2)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("contactors: coil", "site.yaml:10:19: 'contactors' must be 'requests' or 'coils'"),
        ("contactors: coils\n      precharge_difference: 0.2", "site.yaml:11:29: 'precharge_difference' must be at most 0.1"),
        ("contactors: coils\n      precharge_time: 0", "site.yaml:11:23: 'precharge_time' must be greater than 0.0"),
        ("contactors: coils\n      precharge_time: 10", "site.yaml:8:7: precharge_time must be shorter than connect_time; correct one of them"),
        ("contactors: coils\n      precharge_settle: 2", "site.yaml:8:7: precharge_settle must be shorter than precharge_time; correct one of them"),
        ("coil_time: 2", "site.yaml:10:18: is of coils that are driven one by one; remove it, or say contactors: coils"),
        ("precharge_time: 20", "site.yaml:10:23: is of coils that are driven one by one; remove it, or say contactors: coils"),
    ],
)  # fmt: skip
def test_a_mistake(tmp_path: Path, more: str, complaint: str) -> None:
    """Each at its line and column, with the remedy."""
    assert refused(tmp_path, more=more) == [complaint]


def test_coils_without_a_frame_that_carries_them(tmp_path: Path) -> None:
    """Each coil that cannot be ordered is named, and each point that is missing (R27, R28)."""
    at, remedy = "site.yaml:10:19:", f"a frame file with that order under sends:, {INSTEAD}"
    told = refused(tmp_path, MEASURED)

    assert told == [
        *(f"{at} no message sends {name}; {remedy}" for name in COILS),
        f"{at} no message tells rack_bus_voltage, and precharge is judged by it (R28); map the point, {INSTEAD}",
    ]


def test_coils_of_some_racks_are_not_enough(tmp_path: Path) -> None:
    """The first rack that is left out is named (R27)."""
    told = refused(tmp_path, f"{MEASURED}, {{frames: demo-bmu-coils, bus: can0, racks: 1}}")

    assert [line.partition("; ")[0] for line in told] == [
        *(f"site.yaml:10:19: no message sends {name} to rack 2" for name in COILS),
        "site.yaml:10:19: no message tells rack_bus_voltage of rack 2, and precharge is judged by it (R28)",
    ]


def test_every_point_that_is_missing_is_named(tmp_path: Path) -> None:
    """Voltage, current, and the feedback of both main contactors (R28, R31)."""
    told = refused(tmp_path, f"{{frames: bare, bus: can0}}, {DRIVEN}")
    why = {"rack_current": "precharge is judged by it (R28)"}

    assert told == [
        f"site.yaml:10:19: no message tells {name}, and {why.get(name, 'its coil could not be told from a weld (R31)')}; map the point, {INSTEAD}"
        for name in ("rack_current", "rack_contactor_negative", "rack_contactor_positive")
    ]


def test_coils_that_nothing_would_order(tmp_path: Path) -> None:
    """A file of coils alone, on a site that does not drive them, would leave all racks open (R27)."""
    told = refused(tmp_path, f"{{frames: bare, bus: can0}}, {DRIVEN}", "tries: 2")

    assert told == [
        "site.yaml:8:7: a frame file sends coils, and nothing would order them (R27); say contactors: coils, or use another frame file"
    ]


BEATING = """\
protocol: beating
messages:
  - id: '0x1{{rack}}1'
    period: 1
    length: 8
    signals: {{watts: {{bytes: 0-1, point: rack_cell_voltage_avg}}}}
sends:
  - id: '0x2{{rack}}0'
    name: Alive
    period: 0.5
    length: 8
    signals:
      beat: {{bytes: 0, order: heartbeat, wrap: 256}}
      closed: {{bytes: 1, {signal}}}
"""


@pytest.mark.parametrize(
    ("way", "instead"),
    [("coils", INSTEAD), ("requests", "or say contactors: coils")],
)
@pytest.mark.parametrize(
    "signal", ["order: {order}", "order: operation, given: {order}, otherwise: 3"]
)
@pytest.mark.parametrize("none", ["", ", none: 0"])
def test_a_frame_that_the_other_way_would_silence(
    tmp_path: Path, way: str, instead: str, signal: str, none: str
) -> None:
    """A heartbeat beside an order that nothing gives would never be sent, but for a none: (R16, R27)."""
    order = "rack_connect" if way == "coils" else "rack_coil_positive"
    text = BEATING.format(signal=signal.format(order=order) + none)
    (tmp_path / "beating.yaml").write_text(text)
    sources, more = f"{BOTH}, {{frames: beating, bus: can1}}", f"contactors: {way}"
    remedy = f"say none: beside it, the raw value for no order, {instead}"

    if none:
        assert settings(tmp_path, sources, more).drives_coils is (way == "coils")
    else:
        assert refused(tmp_path, sources, more) == [
            f"site.yaml:10:19: Alive would never be sent: with contactors: {way} nothing orders its {order} (R27); {remedy}"
        ]


CONTACTS = """\
protocol: {name}
messages:
  - id: '0x{id}{{rack}}0'
    period: 1
    length: 8
    signals:
      voltage: {{bytes: 0-1, point: rack_voltage}}
      current: {{bytes: 2-3, point: rack_current}}
      negative: {{bits: 32|1@1+, point: rack_contactor_negative}}
      positive: {{bits: 33|1@1+, point: rack_contactor_positive}}
      connected: {{bits: 34|1@1+, point: rack_connected}}
{more}"""
PRECHARGE = "      precharge: {bits: 35|1@1+, point: rack_contactor_precharge}\n"


def test_each_rack_tells_its_own_contactors(tmp_path: Path) -> None:
    """Racks of two protocols: which one tells its precharge contactor is known rack by rack (R27)."""
    for name, number, more in (("full", 1, PRECHARGE), ("less", 2, "")):
        (tmp_path / f"{name}.yaml").write_text(CONTACTS.format(name=name, id=number, more=more))
    sources = "{frames: less, bus: can0, racks: 1}, {frames: full, bus: can0, racks: 2}"
    found = settings(tmp_path, f"{sources}, {DRIVEN}")
    container = load_site(Library(), str(tmp_path / "site.yaml")).containers[0]
    store = Store(container.layout, container.slots, container.slot_of, container.inputs)
    contacts = facts_of(store.picture(0.0).frozen(), found).contacts

    assert contacts is not None
    assert contacts.tells_precharge == (False, True)


def test_a_rack_whose_protocol_tells_less(tmp_path: Path) -> None:
    """What every rack must tell is asked of each (R27, R31)."""
    (tmp_path / "full.yaml").write_text(CONTACTS.format(name="full", id=1, more=""))
    told = refused(
        tmp_path,
        f"{{frames: full, bus: can0, racks: 1}}, {{frames: bare, bus: can1, racks: 2}}, {DRIVEN}",
    )
    why = {"rack_current": "precharge is judged by it (R28)"}

    assert told == [
        f"site.yaml:10:19: no message tells {name} of rack 2, and {why.get(name, 'its coil could not be told from a weld (R31)')}; map the point, {INSTEAD}"
        for name in ("rack_current", "rack_contactor_negative", "rack_contactor_positive")
    ]
