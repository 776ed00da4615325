"""CAN databases: what is read of them, and one clear line for each that cannot be used."""

import hashlib
import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mapping.spoken import lines, problems

from gateway.canbus.frame import EXTENDED
from gateway.canbus.signal import Coding, Order
from gateway.canbus.unit import Conversion, conversion
from gateway.errors import MappingError, MissingDatabase
from gateway.mapping.database import load_database
from gateway.mapping.library import Library
from gateway.mapping.protocol import load_protocol

SMALL = """VERSION ""
NS_ :
BS_:
BU_: X
BO_ 512 Pack: 8 X
 SG_ U : 0|16@1+ (0.1,0) [0|0] "V" X
BO_ 2566852852 Cells: 4 X
 SG_ Page M : 7|8@0+ (1,0) [0|0] "" X
 SG_ T m1 : 15|8@0- (1,-40) [0|0] "degC" X
SIG_VALTYPE_ 512 U : 0;
VAL_ 512 U 65535 "no value" ;
"""


def refused(path: Path, sha256: str | None = None) -> str:
    """What a database is refused for, in one line."""
    with pytest.raises(MappingError) as refusal:
        load_database(path, sha256)
    (line,) = lines(refusal.value)
    return line


def test_what_is_read(tmp_path: Path) -> None:
    """Keys, lengths, places, codings, scaling, units, labels and selectors."""
    file = tmp_path / "small.dbc"
    file.write_text(SMALL)
    known = load_database(file).messages
    pack, cells = known["Pack"], known["Cells"]
    voltage, temperature = pack.signals["U"], cells.signals["T"]

    assert (pack.key, pack.length, cells.key, cells.length) == (0x200, 8, 0x18FF10F4 | EXTENDED, 4)
    assert (voltage.start, voltage.length, voltage.order) == (0, 16, Order.LITTLE)
    assert (voltage.coding, voltage.scale, voltage.unit) == (Coding.UNSIGNED, 0.1, "V")
    assert voltage.labels == {65535: "no value"}
    assert (temperature.coding, temperature.offset) == (Coding.SIGNED, -40)
    assert (temperature.order, temperature.when) == (Order.BIG, {"Page": (1,)})


@pytest.mark.parametrize("name", ["small.txt", "small", "SMALL.DBC"])
def test_a_database_by_another_name(tmp_path: Path, name: str) -> None:
    """The content counts where the suffix says nothing."""
    file = tmp_path / name
    file.write_text(SMALL)

    assert set(load_database(file).messages) == {"Pack", "Cells"}


REFUSED = {
    "kona-ev/pcan.dbc": ':6:9: is refused: DBC: "Invalid syntax at line 6, column 9:',
    "kona-ev/bcan.dbc": ':6:9: is refused: DBC: "Invalid syntax at line 6, column 9:',
    "kona-ev/ccan.dbc": ':6:9: is refused: DBC: "Invalid syntax at line 6, column 9:',
    "foxbms/foxbms.sym": ':3198:31: is refused: SYM: "Invalid syntax at line 3198, column 31:',
    "foxbms/overlapping-signals.dbc": (
        ': is refused: DBC: "The signals foxBMS_AuxiliaryFuseBlown and foxBMS_Error_Insulation'
        ' are overlapping in message foxBMS_State."; mend the database, then try again'
    ),
    "foxbms/overlapping-signals.sym": (
        ': is refused: SYM: "Only SYM version 6.0 is supported."; mend the database, then try again'
    ),
    "foxbms/invalid.dbc": ": describes no message; a database needs BO_ lines",
    "tesla-model3/Model3CAN.dbc": (
        ': is refused: DBC: "The signal DI_lashAngle does not fit in message ID5D5RearDItemps.";'
    ),
    "opendbc/vw_meb.dbc": (
        ': is refused: DBC: "Standard frame id 0x12dd54a7 is more than 11 bits in message'
    ),
    "opendbc/rivian_primary_actuator.dbc": ': is refused: DBC: "unused VAL_ entries in DBC:',
    "cantools-cases/bad_message_length.dbc": ': is refused: DBC: "The signal Signal1 does not fit',
    "cantools-cases/bad_message_length.kcd": ': is refused: KCD: "The signal Signal1 does not fit',
    "cantools-cases/incorrect-val.dbc": ': is refused: DBC: "unused VAL_ entries in DBC: VAL_ 99',
    "cantools-cases/cp1252.dbc": ": describes no message; a database needs BO_ lines",
}


@pytest.mark.corpus
@pytest.mark.parametrize("file", REFUSED)
def test_databases_that_are_refused(corpus: Path, file: str) -> None:
    """One line, with line and column where they are known, and the reason."""
    assert refused(corpus / "dbc" / file).startswith(Path(file).name + REFUSED[file])


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_code_pages(tmp_path: Path, encoding: str) -> None:
    """A degree sign survives in UTF-8 and in Windows' code page."""
    file = tmp_path / "small.dbc"
    file.write_text(SMALL.replace("degC", "°C"), encoding=encoding)

    assert load_database(file).messages["Cells"].signals["T"].unit == "°C"


@pytest.mark.corpus
def test_degrees_that_a_code_page_has_eaten(corpus: Path) -> None:
    """A degree sign that was lost before still means degrees."""
    messages = load_database(corpus / "dbc/redpesk-bms/BMS.dbc").messages
    unit = messages["Main_Temp"].signals["MaxCellTemp"].unit

    assert unit == "\ufffdC"
    assert conversion(unit, "degC") == Conversion("degC")


@pytest.mark.corpus
def test_labels_in_windows_code_page(corpus: Path) -> None:
    """What people of other languages call a state is read as they wrote it."""
    messages = load_database(corpus / "dbc/cantools-cases/choices.dbc").messages
    (signal,) = (signal for message in messages.values() for signal in message.signals.values())

    assert signal.labels[1] == "#%=*ä'"


@pytest.mark.corpus
def test_an_identifier_that_two_messages_claim(
    corpus: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Both can be asked for by name; a protocol that maps both is refused."""
    caplog.set_level(logging.ERROR)
    file = corpus / "dbc/cantools-cases/the_homer.kcd"
    frames = f"""
protocol: test
database: {{file: {file}}}
messages:
  - {{message: SteeringInfo, period: 1}}
  - {{message: DriverSeat, period: 1}}
"""

    assert load_database(file).shared == {0x55B: ("SteeringInfo", "DriverSeat")}
    assert problems(tmp_path, frames) == [
        "frames.yaml:6:5: 55B on can0 is described twice; remove one of them"
    ]


def test_files_that_are_no_database(tmp_path: Path) -> None:
    """A missing file, a folder, and files of other kinds are one line each."""
    content = {"empty.dbc": b"", "bytes.dbc": bytes(range(256)), "text.dbc": b"hello",
               "xml.kcd": b"<a><b></a>", "html.kcd": b"<html/>", "x.arxml": b"<AUTOSAR/>",
               "x.sym": b"FormatVersion=6.0", "unknown": b"nothing"}  # fmt: skip
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)

    assert refused(tmp_path / "none.dbc") == "none.dbc: cannot be read: No such file or directory"
    assert refused(tmp_path).endswith(": cannot be read: Is a directory")
    for name in content:
        assert refused(tmp_path / name).startswith(name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, len(SMALL)), st.integers(0, len(SMALL)), st.text('\0"; 09|@-+mM_:()', max_size=3)
)
def test_any_damage(tmp_path: Path, start: int, end: int, patch: str) -> None:
    """A database with a hole or a patch anywhere is read, or refused in one line."""
    file = tmp_path / "small.dbc"
    file.write_text(SMALL[:start] + patch + SMALL[end:])
    told = ["small.dbc"]
    try:
        load_database(file)
    except MappingError as error:
        told = lines(error)

    assert len(told) == 1


FRAMES = """
protocol: test
database:
  file: small.dbc{more}
messages: [{{message: Pack, period: 1}}]
"""


def protocol(folder: Path, more: str = "", known: str | None = SMALL) -> Path | None:
    """The database that a frame file finds."""
    (folder / "test.yaml").write_text(FRAMES.format(more=more))
    if known is not None:
        (folder / "small.dbc").write_text(known)
    database = load_protocol(Library(), str(folder / "test.yaml")).database
    return None if database is None else database.path


def test_the_database_that_is_meant(tmp_path: Path) -> None:
    """A file with the right digest is taken."""
    digest = hashlib.sha256(SMALL.encode()).hexdigest()

    assert protocol(tmp_path, f"\n  sha256: {digest}") == tmp_path / "small.dbc"


def test_another_database_of_that_name(tmp_path: Path) -> None:
    """A file with another digest is refused with both ways out."""
    digest = hashlib.sha256(SMALL.encode()).hexdigest()
    with pytest.raises(MappingError) as refusal:
        protocol(tmp_path, f"\n  sha256: {'a' * 64}")

    assert not isinstance(refusal.value, MissingDatabase)
    assert refusal.value.exit_status == 1
    assert lines(refusal.value) == [
        (
            f"small.dbc: is not the file that was meant (its sha256 is {digest});"
            " get that file, or check this one and change sha256"
        )
    ]


@pytest.mark.parametrize(
    ("more", "remedy"),
    [
        ("", "name its folder with --path or ESSGW_PATH"),
        (
            f"\n  source: https://example.com/x\n  sha256: {'a' * 64}",
            (
                "get it from https://example.com/x and name its folder with --path or ESSGW_PATH"
                f" (sha256 {'a' * 64})"
            ),
        ),
    ],
)
def test_a_database_that_is_not_here(tmp_path: Path, more: str, remedy: str) -> None:
    """It has an exit status of its own and one line: where to get it, where to put it."""
    with pytest.raises(MissingDatabase) as refusal:
        protocol(tmp_path, more, known=None)

    assert refusal.value.exit_status == 3
    assert lines(refusal.value) == [f"test.yaml:4:9: the database small.dbc is not here; {remedy}"]


def test_signals_and_messages_that_the_database_does_not_have(tmp_path: Path) -> None:
    """Unknown names are told with the nearest known ones; so are selectors behind a short frame."""
    (tmp_path / "small.dbc").write_text(SMALL)
    frames = """
protocol: test
database: {file: small.dbc}
messages:
  - {message: Pakc, period: 1}
  - {message: Pack, period: 1, signals: {V: {point: rack_voltage}}}
  - {message: Cells, period: 1, length: 1, signals: {T: {point: cell_temperature, over: sensor}}}
  - {message: Pack, id: 0x201, period: 1, length: 1, signals: {U: {point: rack_voltage}}}
  - {message: Pack, id: 0x202, period: 1, require: [V]}
"""

    assert problems(tmp_path, frames) == [
        "frames.yaml:5:15: no message 'Pakc' in the database; did you mean 'Pack'?",
        "frames.yaml:6:42: the database has no signal 'V' here; known: U",
        "frames.yaml:7:57: 'T' does not fit into 1 bytes",
        "frames.yaml:8:67: 'U' does not fit into 1 bytes",
        "frames.yaml:9:52: no signal 'V' here; known: U",
    ]
