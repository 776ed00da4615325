"""A site file: what it comes to, and what it is refused for."""

import itertools
from pathlib import Path

import pytest
from mapping.spoken import Pack, lines

from gateway.errors import MappingError, MissingDatabase
from gateway.mapping.library import Library, installed
from gateway.mapping.protocol import load_protocol
from gateway.mapping.site import Site, load_site

FRAMES = """
protocol: test
messages:
  - id: 0x10{rack}
    period: 1
    signals: {u: {bytes: 0, point: rack_voltage}}
"""
SITE = """\
site: test
buses:
  can0: {{interface: socketcan, channel: can0, bitrate: 500000}}
  can1: {{interface: virtual, options: {{fd: true, rate: 5}}}}
containers:
  - name: C1
    topology: {topology}
    sources:
      - {source}
{more}"""
SOURCE = "{frames: frames, bus: can0}"


def site(folder: Path, topology: str = "{racks: 2}", source: str = SOURCE, more: str = "") -> Site:
    """A site of a few lines, with a frame file beside it."""
    (folder / "frames.yaml").write_text(FRAMES)
    file = folder / "site.yaml"
    file.write_text(SITE.format(topology=topology, source=source, more=more))
    return load_site(Library(), str(file))


def refused(
    folder: Path, topology: str = "{racks: 2}", source: str = SOURCE, more: str = ""
) -> list[str]:
    """What a site is refused for."""
    with pytest.raises(MappingError) as refusal:
        site(folder, topology, source, more)
    return lines(refusal.value)


def test_a_site(tmp_path: Path) -> None:
    """Buses with their options, containers with their shape, messages by bus."""
    loaded = site(tmp_path, "{racks: 2, modules: 3, cells: 4}", more="cycle: 0.1\ntitle: A test\n")
    first, second = loaded.buses.values()
    (container,) = loaded.containers

    assert (loaded.name, loaded.title, loaded.cycle) == ("test", "A test", 0.1)
    assert (first.interface, first.channel, first.bitrate, first.options) == (
        "socketcan", "can0", 500_000, {}
    )  # fmt: skip
    assert (second.interface, second.channel, second.options) == (
        "virtual", None, {"fd": True, "rate": 5}
    )  # fmt: skip
    assert container.layout.topology.sensors == 4
    assert [message.name for message in container.messages["can0"]] == ["101", "102"]
    assert container.carried == {"rack_voltage"}


def test_two_protocols_in_a_container(tmp_path: Path) -> None:
    """Racks may speak on different buses, and under addresses of their own."""
    more = "      - {frames: frames, bus: can1, racks: 2, address: 1}\n"
    pack = Pack(site(tmp_path, source="{frames: frames, bus: can0, racks: 1}", more=more))

    assert (pack.identifiers("can0"), pack.identifiers("can1")) == (["101"], ["101"])
    pack.take(0x101, "05", "can1")
    assert pack.values("rack_voltage") == [None, 5]


CONTAINER = """\
  - name: {name}
    topology: {{racks: 2}}
    sources: [{{frames: frames, bus: {bus}, address: {address}}}]
"""


def test_two_containers_on_a_bus(tmp_path: Path) -> None:
    """Containers may share a bus as long as their identifiers differ."""
    loaded = site(tmp_path, more=CONTAINER.format(name="C2", bus="can0", address=3))
    names = [
        message.name for container in loaded.containers for message in container.messages["can0"]
    ]

    assert names == ["101", "102", "103", "104"]


def test_two_containers_with_the_same_identifiers(tmp_path: Path) -> None:
    """A frame cannot be for two containers: neither of them would know whose it is."""
    assert refused(tmp_path, more=CONTAINER.format(name="C2", bus="can0", address=2)) == [
        "site.yaml:10:5: 102 on can0 already belongs to C1; give it a bus or an address of its own"
    ]


def test_two_containers_of_one_name(tmp_path: Path) -> None:
    """Names tell containers apart."""
    assert refused(tmp_path, more=CONTAINER.format(name="C1", bus="can1", address=1)) == [
        "site.yaml:10:11: a container named 'C1' exists already"
    ]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("{frames: frames, bus: can2}", "9:31: no bus is named 'can2'; did you mean 'can1'?"),
        ("{frames: frames, bus: {main: canX}}", "9:38: no bus is named 'canX'; did you mean 'can1'?"),
        ("{frames: frames, bus: can0, racks: 1-3}", "9:44: there is no rack 3: racks go from 1 to 2"),
        ("{frames: frames, bus: can0, racks: 0}", "9:44: there is no rack 0: racks go from 1 to 2"),
        ("{frames: frames, bus: can0, racks: []}", "9:44: names no rack; leave it out for all racks"),
        ("{frames: frames, bus: can0, racks: two}", "9:44: 'two' is no number and no range of numbers"),
        ("{frames: frames, bus: can0, rack: 1}", "9:37: 'rack' is not known here; did you mean 'racks'?"),
        ("{frames: frames}", "9:9: 'bus' is missing"),
        ("{bus: can0}", "9:9: a source names either frames or an adapter"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_source(tmp_path: Path, source: str, problem: str) -> None:
    """One line at its place."""
    assert refused(tmp_path, source=source) == [f"site.yaml:{problem}"]


@pytest.mark.parametrize(
    ("topology", "problem"),
    [
        ("{racks: 0}", "7:23: 'racks' must be at least 1"),
        ("{racks: 65}", "7:23: 'racks' must be at most 64"),
        ("{racks: two}", "7:23: 'racks' must be a whole number"),
        ("{racks: 2, cells: 300}", "7:33: 'cells' must be at most 256"),
        ("{modules: 2}", "7:15: 'racks' is missing"),
        ("{racks: 2, rack: 2}", "7:26: 'rack' is not known here; did you mean 'racks'?"),
    ],
)
def test_a_mistake_in_a_topology(tmp_path: Path, topology: str, problem: str) -> None:
    """One line at its place."""
    assert refused(tmp_path, topology=topology) == [f"site.yaml:{problem}"]


@pytest.mark.parametrize(
    ("face", "problem"),
    [
        ("map: native, listen: '127.0.0.1:99999'", "11:27: 99999 is no TCP port; 1 to 65535"),
        ("map: native, listen: '127.0.0.1:65536'", "11:27: 65536 is no TCP port; 1 to 65535"),
        ("map: native, listen: '127.0.0.1:0'", "11:27: 0 is no TCP port; 1 to 65535"),
        ("map: native, listen: 502", "11:27: 'listen' must be text"),
        ("map: native, listen: here", "11:27: 'listen' must be HOST:PORT, like 0.0.0.0:5020, or a serial line, like /dev/ttyUSB0"),
        ("map: native, listen: 'x:502', unit: 0", "11:42: 'unit' must be at least 1"),
        ("map: native, listen: 'x:502', container: C3",
         "11:47: no container is named 'C3'; known: C1"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_face(tmp_path: Path, face: str, problem: str) -> None:
    """One line at its place."""
    assert refused(tmp_path, more=f"faces:\n  - {{{face}}}\n") == [f"site.yaml:{problem}"]


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "0.0.0.0:65535", "'[::1]:502'", "'::1:502'"])
def test_addresses_of_faces(tmp_path: Path, listen: str) -> None:
    """Host and port, IPv6 with or without brackets; every port that there is."""
    loaded = site(tmp_path, more=f"faces:\n  - {{map: native, listen: {listen}, unit: 7}}\n")
    (face,) = loaded.faces
    host, _, port = listen.strip("'").rpartition(":")

    assert (face.host, face.port, face.unit) == (host.strip("[]"), int(port), 7)
    assert face.container == "C1"


def test_a_face_without_its_map(tmp_path: Path) -> None:
    """The name of the map is told, with the nearest one."""
    told = refused(tmp_path, more="faces:\n  - {map: natve, listen: 'x:502'}\n")

    assert told == ["site.yaml:11:11: no such register map; did you mean 'native'?"]


def test_unit_ids_end_at_247(tmp_path: Path) -> None:
    """A map that shows 16 racks a unit takes four for 64 racks; those above 247 are reserved."""
    face = "faces:\n  - {map: native, listen: 'x:502', unit: %d}\n"

    source = "{frames: frames, bus: can0, racks: 1-9}"
    assert len(site(tmp_path, "{racks: 64}", source, face % 244).faces) == 4
    assert refused(tmp_path, "{racks: 64}", source, face % 245) == [
        "site.yaml:11:42: 64 racks take 4 unit ids, up to 248; the last is 247"
    ]


def test_an_interface_that_does_not_exist(tmp_path: Path) -> None:
    """Told at its place where the names of interfaces are known."""
    site(tmp_path)
    with pytest.raises(MappingError) as refusal:
        load_site(Library(), str(tmp_path / "site.yaml"), {"virtual", "socketcand"})

    assert lines(refusal.value) == [
        "site.yaml:3:21: no interface is named 'socketcan'; did you mean 'socketcand'?"
    ]


def test_one_unit_id_twice(tmp_path: Path) -> None:
    """A unit id can be served once at an address."""
    face = "  - {map: native, listen: '127.0.0.1:502', unit: 1}\n"

    assert refused(tmp_path, more=f"faces:\n{face}{face}") == [
        "site.yaml:11:3: unit 1 at 127.0.0.1:502 is served twice; give each face a unit id of its own"
    ]


def test_problems_of_all_files_at_once(tmp_path: Path) -> None:
    """Mistakes in the site and in its frame files are told together, each once."""
    (tmp_path / "bad.yaml").write_text(FRAMES.replace("rack_voltage", "rack_volage"))
    more = "      - {frames: bad, bus: can1}\n      - {frames: bad, bus: can7}\n      - {frames: fames, bus: can0}\n"

    assert refused(tmp_path, more=more) == [
        "bad.yaml:6:36: no point is named 'rack_volage'; did you mean 'rack_voltage'?",
        "site.yaml:11:28: no bus is named 'can7'; did you mean 'can1'?",
        "site.yaml:12:18: no such frame file; did you mean 'frames'?",
    ]


@pytest.mark.parametrize("wrong", [False, True])
def test_databases_that_are_missing(tmp_path: Path, *, wrong: bool) -> None:
    """All that are missing are told; the exit status is 3 only if nothing else is wrong."""
    for name in ("one", "two"):
        rows = f"database: {{file: {name}.dbc}}\nmessages: [{{message: M, period: 1}}]"
        (tmp_path / f"{name}.yaml").write_text(f"protocol: test\n{rows}\n")
    more = "      - {frames: one, bus: can0}\n      - {frames: two, bus: can1}\n"
    with pytest.raises(MappingError) as refusal:
        site(tmp_path, source="{frames: frames, bus: canX}" if wrong else SOURCE, more=more)
    missing = [
        f"{name}.yaml:2:18: the database {name}.dbc is not here;"
        " name its folder with --path or ESSGW_PATH"
        for name in ("one", "two")
    ]

    assert isinstance(refusal.value, MissingDatabase) is not wrong
    assert refusal.value.exit_status == (1 if wrong else 3)
    assert lines(refusal.value)[-2:] == missing


def test_a_site_that_is_not_there() -> None:
    """A name that no site has is told with the nearest one."""
    with pytest.raises(MappingError) as refusal:
        load_site(Library(), "redpsk")

    assert lines(refusal.value) == ["redpsk: no such site; did you mean 'redpesk'?"]


def installed_names(kind: str) -> list[str]:
    """The mappings that come with the gateway."""
    return sorted(file.stem for file in (installed() / kind).glob("*.yaml"))


@pytest.mark.corpus
@pytest.mark.parametrize("name", installed_names("sites"))
def test_every_installed_site(library: Library, name: str) -> None:
    """It loads, each of its elements has one schedule, and each schedule belongs to a bus of the site."""
    loaded = load_site(library, name)
    for container in loaded.containers:
        messages = [message for each in container.messages.values() for message in each]
        keys = [(slot.bus, slot.key) for slot in container.slots]

        assert loaded.name == name
        assert set(container.slot_of.values()) <= set(range(len(container.slots)))
        assert {bus for bus, _ in keys} <= set(loaded.buses)
        assert len(messages) == len({key for key, _ in itertools.groupby(keys)})


@pytest.mark.corpus
@pytest.mark.parametrize("name", installed_names("frames"))
def test_every_installed_frame_file(library: Library, name: str) -> None:
    """It loads under its own name and says which period each message has."""
    protocol = load_protocol(library, name)

    assert protocol.rows.protocol == name
    assert protocol.rows.title
    assert all(message.period <= 60 for message in protocol.rows.messages)
