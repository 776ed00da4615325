"""Whose value it is: racks, modules and cells told by names, addresses and selectors."""

from pathlib import Path

import cantools
import pytest
from cantools.database.can import Database
from mapping.spoken import Pack, problems, spoken

from gateway.mapping.library import Library
from gateway.mapping.site import load_site
from gateway.model.quality import Detail


def databases(file: Path) -> Database:
    """A database as cantools reads it."""
    loaded = cantools.database.load_file(file)
    assert isinstance(loaded, Database)
    return loaded


DBC = """VERSION ""
NS_ :
BS_:
BU_: BMU
BO_ 256 Racks: 8 BMU
{}
"""
NAMED = DBC.format(
    "\n".join(
        f' SG_ R{rack}_{name} : {at + 16 * index}|{bits}@1+ (0.1,0) [0|0] "{unit}" BMU'
        for index, rack in enumerate((1, 2))
        for name, at, bits, unit in (("V", 0, 16, "V"), ("Fire", 32, 1, ""))
    )
)
BY_NAME = """
protocol: test
database: {file: named.dbc}
messages:
  - message: Racks
    period: 1
    signals:
      R{rack}_V: {point: rack_voltage}
      R{rack}_Fire: {alarms: [{cause: fire, level: trip}]}
"""


def test_values_and_alarms_of_a_name_belong_to_the_rack_in_it(tmp_path: Path) -> None:
    """The fire of rack 2 is not rack 1's."""
    (tmp_path / "named.dbc").write_text(NAMED)
    pack = Pack(spoken(tmp_path, BY_NAME, "{racks: 2}")).take(0x100, "E803 D007 0000 0100")

    assert pack.values("rack_voltage") == [100, 200]
    assert pack.values("rack_trip_fire") == [0, 1]


def test_the_number_in_a_name_is_the_rack_s_address(tmp_path: Path) -> None:
    """Racks 3 and 4 are called 1 and 2 by a BMU that counts its own; an unknown address is a mistake."""
    (tmp_path / "named.dbc").write_text(NAMED)
    source = "- {frames: frames, bus: can0, racks: %s, address: 1}"
    pack = Pack(spoken(tmp_path, BY_NAME, "{racks: 4}", source % "3-4"))
    pack.take(0x100, "E803 D007 0000 0100")

    assert pack.values("rack_voltage") == [None, None, 100, 200]
    assert pack.values("rack_trip_fire")[2:] == [0, 1]
    told = problems(tmp_path, BY_NAME, "{racks: 4}", source % "3")
    assert len(told) == 2
    assert all("no rack of this source has the address 2" in line for line in told)


OVER = """
protocol: test
messages:
  - id: 0x100
    period: 1
    signals:
      mux: {bytes: 0}
      v: {bytes: 1, when: {mux: 0-1}, over: rack, point: rack_voltage}
      a: {bits: 16|1@1+, repeat: 2, over: rack, alarms: [{cause: fire, level: trip}]}
"""


@pytest.mark.parametrize(("racks", "first"), [("1-2", 0), ("3-4", 2)])
def test_counting_through_racks_counts_those_of_the_source(
    tmp_path: Path, racks: str, first: int
) -> None:
    """Values and alarms of the first and second rack that speak, whatever their numbers."""
    source = f"- {{frames: frames, bus: can0, racks: {racks}}}"
    pack = Pack(spoken(tmp_path, OVER, "{racks: 4}", source))
    pack.take(0x100, "00 0A 02").take(0x100, "01 14 02")

    assert pack.values("rack_voltage")[first : first + 2] == [10, 20]
    assert pack.values("rack_trip_fire")[first : first + 2] == [0, 1]
    assert pack.values("rack_voltage").count(None) == 2


TWO_SELECTORS = """
protocol: test
messages:
  - id: 0x100
    period: 1
    signals:
      mod: {bits: 0|4@1+}
      pg: {bits: 4|4@1+}
      v: {bits: 8|8@1+, repeat: 4, when: {mod: 0-1, pg: 0-1}, over: {mod: module, pg: cell},
          point: cell_voltage}
"""


def test_each_selector_may_count_through_an_index_of_its_own(tmp_path: Path) -> None:
    """Modules and pages of cells: the half-used last page of a module does not spill into the next."""
    pack = Pack(spoken(tmp_path, TWO_SELECTORS, "{racks: 1, modules: 2, cells: 6}"))
    for module in (0, 1):
        for page in (0, 1):
            cells = [10 * (module + 1) + 4 * page + cell for cell in range(4)]
            pack.take(0x100, bytes([page << 4 | module, *cells]).hex())

    assert pack.values("cell_voltage") == [10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25]


def test_pages_of_identifiers_behind_two_selectors_count_on(tmp_path: Path) -> None:
    """Page by page of the identifier, then value by value of both selectors."""
    frames = """
        protocol: test
        messages:
          - id: 0x10{page}
            pages: 2
            period: 1
            signals:
              a: {bits: 0|1@1+}
              b: {bits: 1|1@1+}
              v: {bytes: 1, when: {a: 0-1, b: 0-1}, over: cell, point: cell_voltage}
    """
    pack = Pack(spoken(tmp_path, frames, "{racks: 1, modules: 1, cells: 8}"))
    for page in (1, 2):
        for a in (0, 1):
            for b in (0, 1):
                pack.take(
                    0x100 + page, bytes([a | b << 1, 100 * (page - 1) + 10 * a + b + 1]).hex()
                )

    assert pack.values("cell_voltage") == [1, 2, 11, 12, 101, 102, 111, 112]


SEVERAL = """
protocol: test
messages:
  - id: 0x100
    period: 1
    signals:
      mux: {bytes: 0}
      u: {bytes: 1, when: {mux: [0, 3-5]}, point: rack_voltage}
      w: {bytes: 2, when: {mux: 3}, point: rack_soc}
"""


def test_a_point_at_several_values_of_a_selector_is_renewed_by_each(tmp_path: Path) -> None:
    """And a point beside it only by its own."""
    text = SEVERAL.replace("[0, 3-5]", "[0, 3, 4, 5]")
    pack = Pack(spoken(tmp_path, text)).take(0x100, "03 10 20", at=0.0)
    assert (pack.value("rack_voltage"), pack.value("rack_soc")) == (16, 32)
    pack.take(0x100, "05 11 FF", at=4.0).take(0x100, "01 99 99", at=4.1)

    assert pack.value("rack_voltage", at=5.0) == 17
    assert pack.detail("rack_soc", at=5.0) is Detail.OLD_DATA
    assert pack.detail("rack_voltage", at=8.0) is Detail.OLD_DATA


@pytest.mark.corpus
def test_a_database_s_signal_at_ranges_of_a_selector(tmp_path: Path, corpus: Path) -> None:
    """Extended multiplexing with `0-0, 3-5`, as cantools reads it."""
    (tmp_path / "mux.dbc").write_bytes(
        (corpus / "dbc/cantools-cases/issue_184_extended_mux_multiple_values.dbc").read_bytes()
    )
    frames = """
        protocol: test
        database: {file: mux.dbc}
        messages:
          - message: ext_MUX_multiple_values
            period: 1
            signals:
              muxed_0_3_4_5: {point: rack_voltage, unit: V}
    """
    message = databases(tmp_path / "mux.dbc").get_message_by_name("ext_MUX_multiple_values")
    pack = Pack(spoken(tmp_path, frames))
    for selector in (0, 3, 4, 5, 1):
        there = {"muxed_0_3_4_5": selector + 1} if selector != 1 else {}
        other = {part.name: 9 for part in message.signals if 1 in (part.multiplexer_ids or ())}
        data = message.encode({"MUX": selector, **(there or other)}, padding=True)
        pack.take(message.frame_id, data.hex(), extended=True)
        assert pack.value("rack_voltage") == (6 if selector == 1 else selector + 1)


FOXBMS = """
protocol: fox
database: {file: foxbms.dbc}
messages:
  - message: f_CellVoltages
    period: 1
    signals:
      'CellVoltage_{cell+1}':
        {point: cell_voltage, outside: drop, valid_when: {'CellVoltage_{cell}_invalidFlag': 1}}
"""


@pytest.mark.corpus
def test_names_that_count_from_0_are_shifted(tmp_path: Path, corpus: Path) -> None:
    """The database of foxBMS 2: cell 000 is cell 1 of module 1; a flag of 0 says that there is none."""
    (tmp_path / "frames.yaml").write_text(FOXBMS)
    (tmp_path / "site.yaml").write_text("""
site: fox
buses: {can0: {interface: virtual}}
containers:
  - name: pack
    topology: {racks: 1, modules: 4, cells: 18}
    sources: [{frames: frames, bus: can0}]
""")
    site = load_site(Library([corpus / "dbc" / "foxbms"]), str(tmp_path / "site.yaml"))
    message = databases(corpus / "dbc/foxbms/foxbms.dbc").get_message_by_name("f_CellVoltages")
    pack = Pack(site)
    for page in range(18):
        cells = [4 * page + cell for cell in range(4)]
        values = {f"CellVoltage_{cell:03}": 3000 + cell for cell in cells}
        flags = {f"CellVoltage_{cell:03}_invalidFlag": int(cell != 5) for cell in cells}
        selector = (
            message.signals[0].name if message.signals[0].is_multiplexer else "f_CellVoltages_Mux"
        )
        data = message.encode({selector: page, **values, **flags}, strict=False)
        pack.take(message.frame_id, data.hex())

    read = pack.values("cell_voltage")
    assert read[5] is None
    assert [value for index, value in enumerate(read) if index != 5] == [
        (3000 + cell) / 1000 for cell in range(72) if cell != 5
    ]


def test_a_name_that_counts_from_0_without_a_shift_is_told(tmp_path: Path) -> None:
    """With the remedy."""
    (tmp_path / "named.dbc").write_text(DBC.format(' SG_ Cell_0 : 0|8@1+ (1,0) [0|0] "V" BMU'))
    text = BY_NAME.replace(
        "R{rack}_V: {point: rack_voltage}", "'Cell_{cell}': {point: cell_voltage}"
    )
    text = "\n".join(line for line in text.splitlines() if "Fire" not in line)
    (told,) = problems(tmp_path, text, "{racks: 1, modules: 1, cells: 2}")

    assert told.endswith("'Cell_0' would be cell 0; if the names count from 0, write {cell+1}")


@pytest.mark.parametrize("over", ["{m: module, n: cell}", "{n: cell, m: module}"])
@pytest.mark.parametrize("when", ["{n: 0-1, m: [1, 2]}", "{m: [1, 2], n: 0-1}", "{n: 0-1}"])
def test_a_selector_that_is_met_twice_counts_once(tmp_path: Path, over: str, when: str) -> None:
    """However it is spelled; repetitions count cells, whichever index is named last."""
    frames = f"""
        protocol: test
        messages:
          - id: 0x100
            period: 1
            signals:
              m: {{bytes: 0}}
              n: {{bytes: 1, when: {{m: [1, 2]}}}}
              v: {{bytes: 2, repeat: 2, when: {when}, over: {over}, point: cell_voltage}}
    """
    pack = Pack(spoken(tmp_path, frames, "{racks: 1, modules: 2, cells: 4}"))
    for module in (1, 2):
        for half in (0, 1):
            first = 10 * module + 2 * half
            pack.take(0x100, bytes([module, half, first, first + 1]).hex())

    assert pack.values("cell_voltage") == [10, 11, 12, 13, 20, 21, 22, 23]


NESTED_FLAG = """
protocol: test
messages:
  - id: 0x100
    period: 1
    signals:
      m: {bytes: 0}
      ok: {bits: 16|1@1+, repeat: 2, when: {m: %s}}
      n: {bytes: 1, when: {m: 1}}
      v: {bytes: 3, repeat: 2, when: {n: 0-1}, over: cell, valid_when: {ok: 1}, point: cell_voltage}
"""


def test_a_flag_of_an_outer_page_is_in_every_frame_of_the_inner_one(tmp_path: Path) -> None:
    """A flag of another page is not."""
    pack = Pack(spoken(tmp_path, NESTED_FLAG % "1", "{racks: 1, modules: 1, cells: 4}"))
    pack.take(0x100, "01 00 01 0A 0B").take(0x100, "01 01 02 0C 0D")
    assert pack.values("cell_voltage") == [10, None, None, 13]

    told = problems(tmp_path, NESTED_FLAG % "2", "{racks: 1, modules: 1, cells: 4}")
    assert all("'ok' is not in every frame that 'v_" in line for line in told)
    assert len(told) == 2
