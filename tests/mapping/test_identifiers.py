"""Identifiers that carry racks, modules and pages."""

from pathlib import Path

import pytest
from mapping.spoken import Pack, problems, spoken

FRAMES = """
    protocol: test
    messages:
      - id: {identifier}
        period: 1
        length: 8
        signals: {{u: {{bytes: 0, point: {point}}}}}
"""
RACKS = "{racks: 12, modules: 3}"
RACK, MODULE = "rack_voltage", "module_voltage"


def identifiers(
    folder: Path, identifier: str, point: str, racks: str = "", topology: str = RACKS
) -> list[str]:
    """What a site listens for."""
    sources = f"- {{frames: frames, bus: can0{racks}}}"
    frames = FRAMES.format(identifier=identifier, point=point)
    return Pack(spoken(folder, frames, topology, sources)).identifiers()


@pytest.mark.parametrize(
    ("identifier", "racks", "expected"),
    [
        ("0x180{rack}10F4", "1-3", ["180110F4", "180210F4", "180310F4"]),
        ("0x18{rack:2}10F4", "9-11", ["180910F4", "180A10F4", "180B10F4"]),
        ("0x3{rack-1}1", "1-3", ["301", "311", "321"]),
        ("0x3{rack+2}1", "1-3", ["331", "341", "351"]),
        ("'{rack:3}'", "10-12", ["00A", "00B", "00C"]),
        ("0x1{rack}{rack}", "[1, 12]", ["111", "1CC"]),
        ("{base: 0x310, rack: 16}", "1-3", ["310", "320", "330"]),
        ("{base: 0x1801, rack: 1}", "1-2", ["00001801", "00001802"]),
        ("{base: 0x710, rack: -1}", "1-2", ["710", "70F"]),
    ],
)
def test_racks_in_identifiers(
    tmp_path: Path, identifier: str, racks: str, expected: list[str]
) -> None:
    """The rack's number stands in hexadecimal digits, shifted and padded, or is counted up."""
    assert identifiers(tmp_path, identifier, RACK, f", racks: {racks}") == expected


@pytest.mark.parametrize(
    ("address", "expected"), [(0, ["300", "301"]), (5, ["305", "306"]), (10, ["30A", "30B"])]
)
def test_addresses(tmp_path: Path, address: int, expected: list[str]) -> None:
    """Racks may have other addresses on the bus than numbers in the container."""
    racks = f", racks: 7-8, address: {address}"

    assert identifiers(tmp_path, "0x30{rack}", RACK, racks) == expected


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("0x1{rack}{module}", ["111", "112", "113", "121", "122", "123"]),
        ("0x4{module-1}{rack}", ["401", "411", "421", "402", "412", "422"]),
        ("{base: 0x100, rack: 8, module: 1}", ["100", "101", "102", "108", "109", "10A"]),
    ],
)
def test_modules_in_identifiers(tmp_path: Path, identifier: str, expected: list[str]) -> None:
    """Each module of each rack has an identifier of its own."""
    assert identifiers(tmp_path, identifier, MODULE, ", racks: 1-2") == expected


def test_each_identifier_leads_to_its_rack_and_module(tmp_path: Path) -> None:
    """A frame fills the place that its identifier names, and no other."""
    frames = FRAMES.format(identifier="0x1{rack}{module}", point=MODULE)
    pack = Pack(spoken(tmp_path, frames, "{racks: 2, modules: 3}"))
    for identifier in (0x111, 0x113, 0x122):
        pack.take(identifier, f"{identifier & 0xFF:02X} 00 00 00 00 00 00 00")

    assert pack.values(MODULE) == [0x11, None, 0x13, None, 0x22, None]


def test_pages_in_identifiers(tmp_path: Path) -> None:
    """Several identifiers carry one list: four cells a frame, counted through all modules."""
    pack = Pack(
        spoken(
            tmp_path,
            """
            protocol: test
            messages:
              - id: 0x35{page}
                pages: 3
                period: 1
                signals: {u: {bytes: 0-1, repeat: 4, over: cell, scale: 0.001, point: cell_voltage}}
            """,
            "{racks: 1, modules: 2, cells: 5}",
        )
    )
    for page in range(3):
        cells = range(4 * page + 1, 4 * page + 5)
        pack.take(0x351 + page, "".join(f"{3000 + cell:04X}"[2:] + "0B" for cell in cells))

    assert pack.identifiers() == ["351", "352", "353"]
    assert pack.values("cell_voltage") == [round(3.001 + cell / 1000, 3) for cell in range(10)]


def test_a_rack_that_speaks_alone_has_its_own_identifiers(tmp_path: Path) -> None:
    """Without a rack in the identifier the message is that of the first rack named."""
    frames = FRAMES.format(identifier="0x201", point=RACK)
    sources = "- {frames: frames, bus: can1, racks: 2}"
    pack = Pack(spoken(tmp_path, frames, "{racks: 3}", sources))

    assert pack.take(0x201, "2A" * 8, "can1").values(RACK) == [None, 42, None]


@pytest.mark.parametrize(
    ("extended", "expected"), [("", "123"), ("true", "00000123"), ("false", "123")]
)
def test_a_small_extended_identifier(tmp_path: Path, extended: str, expected: str) -> None:
    """An identifier is extended if it must be, or if the row says so."""
    frames = FRAMES.format(identifier="0x123", point=RACK)
    if extended:
        frames = frames.replace("period: 1", f"period: 1\n        extended: {extended}")

    assert Pack(spoken(tmp_path, frames)).identifiers() == [expected]


def test_the_same_number_standard_and_extended(tmp_path: Path) -> None:
    """They are two identifiers, with a meaning each."""
    frames = """
        protocol: test
        messages:
          - {id: 0x123, period: 1, signals: {u: {bytes: 0, point: rack_voltage}}}
          - {id: 0x123, period: 1, extended: true, signals: {s: {bytes: 0, point: rack_soc}}}
    """
    pack = Pack(spoken(tmp_path, frames)).take(0x123, "05").take(0x123, "06", extended=True)

    assert (pack.value("rack_voltage"), pack.value("rack_soc")) == (5, 6)


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("0x1{rak}", "is no identifier: '0x1{rak}' is no hexadecimal number"),
        ("0x1{rack", "is no identifier: '0x1{rack' is no hexadecimal number"),
        ("'0x1{cell}'", "is no identifier: '0x1{cell}' is no hexadecimal number"),
        ("can_id", "is no identifier: 'can_id' is no hexadecimal number"),
        ("0x10{rack+8}", "is no identifier: rack 8 does not fit into {rack+8}"),
        ("0x10{rack-2}", "is no identifier: rack 1 does not fit into {rack-2}"),
        (
            "0x800",
            "0x800 is no CAN identifier; standard ones have 11 bits, extended ones 29",
        ),
        (
            "0x20000000",
            "0x20000000 is no CAN identifier; standard ones have 11 bits, extended ones 29",
        ),
        ("-1", "0x-1 is no CAN identifier; standard ones have 11 bits, extended ones 29"),
    ],
)
def test_what_is_no_identifier(tmp_path: Path, identifier: str, text: str) -> None:
    """It is refused at its place, once for all racks."""
    frames = FRAMES.format(identifier=identifier, point=RACK)
    if identifier == "0x800":
        frames = frames.replace("period: 1", "period: 1\n        extended: false")

    assert problems(tmp_path, frames, RACKS) == [f"frames.yaml:4:9: {text}"]


def test_several_racks_on_one_identifier_are_refused(tmp_path: Path) -> None:
    """Nothing would say which rack a frame is from; container points need no rack."""
    text = """
        protocol: p
        messages:
          - id: 0x100
            period: 1
            signals: {volts: {bytes: 0-1, point: %s}}
    """
    told = problems(tmp_path, text % "rack_voltage", topology="{racks: 2}")

    (line,) = told
    assert line == (
        "frames.yaml:4:5: 2 racks speak this, but nothing says which one a frame is from; "
        "write {rack} into the id, or give each rack a source of its own"
    )
    spoken(tmp_path, text % "voltage", topology="{racks: 2}")
