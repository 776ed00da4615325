"""Capture files: format by content, every frame in file order, and clear lines for all others."""

import itertools
import shutil
from collections import Counter
from pathlib import Path

import pytest

from gateway.canbus.frame import ERROR, EXTENDED, REMOTE
from gateway.errors import MappingError
from gateway.links.capture import Capture, Captured, open_capture

KONA = "kona-ev/"
SEQUENCE = "Normal sequence) Precharge Relay ON, Main Relay (-), (+) ON  (no response yet of contactors).asc"
READ: dict[str, tuple[str, int, int, dict[str, int]]] = {
    "redpesk-bms/bms-dump.log": ("candump", 15_796, 13, {"elmcan": 15_796}),
    KONA + "Idle log (no diagnostic function selected)-30sec.asc": ("ASC", 5_934, 24, {"-1": 5_934}),
    KONA + "Idle log (no diagnostic function selected).asc": ("ASC", 543, 24, {"-1": 543}),
    KONA + "Main Relay (+) On.asc": ("ASC", 738, 24, {"-1": 738}),
    KONA + "Main Relay (-) On.asc": ("ASC", 640, 24, {"-1": 640}),
    KONA + SEQUENCE: ("ASC", 857, 24, {"-1": 857}),
    KONA + "Precharge relay (On).asc": ("ASC", 879, 24, {"-1": 879}),
    KONA + "Quick charger relay (-)(+) ON simultaneous.asc": ("ASC", 838, 24, {"-1": 838}),
    KONA + "221217-1-2021-pcan-bcan-no-key.csv": (
        "GVRET csv", 14_294, 66, {"0": 8_969, "1": 5_325}
    ),
    "outlander-phev/202109061515-steering-lock-to-lock.csv": (
        "GVRET csv", 19_871, 123, {"0": 11_826, "1": 8_045}
    ),
    "nmea2000/candumpSample1.txt": ("candump", 6_026, 28, {"can0": 6_026}),
    "nmea2000/candumpSample2.txt": ("candump", 402, 13, {"can0": 402}),
    "nmea2000/candumpSample3.txt": ("candump", 2_368, 33, {"slcan0": 2_368}),
    "savvycan-formats/candump.log": ("candump", 12_974, 180, {"vcan0": 12_974}),
    "savvycan-formats/GVRET_Log.csv": ("GVRET csv", 12_974, 180, {"0": 12_974}),
}  # fmt: skip
"Format, frames, identifiers, frames by channel."
EXPORT = "; export it as candump log, GVRET csv, ASC, BLF or TRC"
REFUSED = {
    "css-mf4/00000001-60B621D9.MF4": "is an ASAM MF4 file, which is not read here",
    "css-mf4/00000001.MF4": "is an ASAM MF4 file, which is not read here",
    "css-mf4/00000170.MF4": "is an ASAM MF4 file, which is not read here",
    "nmea2000/can0-1.pcap": "is a pcap file, which is not read here",
    "savvycan-formats/BusMasterLog.log": "is a BusMaster log, which is not read here",
    "savvycan-formats/CRTD_Log.txt": "is no known capture, which is not read here",
    "savvycan-formats/CarBusAnalyzer.trc": "is no known capture, which is not read here",
    "savvycan-formats/GenericID_Log.csv": "is a csv of identifiers without times, which is not read here",
    "savvycan-formats/MicrochipLog.log": "is no known capture, which is not read here",
}
GVRET = "Time Stamp,ID,Extended,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8\n"


def written(folder: Path, text: str, name: str = "capture") -> Path:
    """A capture of that text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    """What a file is refused for, in one line."""
    with pytest.raises(MappingError) as refusal:
        list(open_capture(path).frames())
    (problem,) = refusal.value.problems
    assert len(str(problem).splitlines()) == 1
    return str(problem).removeprefix(f"{path}: ")


def read(path: Path) -> tuple[Capture, list[Captured]]:
    """A capture and its frames."""
    capture = open_capture(path)
    return capture, list(capture.frames())


def told(path: Path) -> tuple[str, int, int, dict[str, int]]:
    """Format, frames, identifiers, frames by channel."""
    capture, frames = read(path)
    assert (capture.unreadable, capture.first_unreadable) == (0, 0)
    channels = Counter(frame.channel for frame in frames)
    return capture.format, len(frames), len({frame.key for frame in frames}), dict(channels)


@pytest.mark.corpus
def test_the_corpus_is_known(corpus: Path) -> None:
    """Each capture is in one of the two tables."""
    files = {str(path.relative_to(corpus / "can-logs")) for path in corpus.glob("can-logs/*/*")}

    assert files == {*READ, *REFUSED}


@pytest.mark.corpus
@pytest.mark.parametrize("file", READ)
def test_a_capture_is_read_as_a_whole(corpus: Path, file: str) -> None:
    """All frames, identifiers and channels that others count in it."""
    assert told(corpus / "can-logs" / file) == READ[file]


@pytest.mark.corpus
@pytest.mark.parametrize("file", READ)
def test_the_content_tells_the_format(corpus: Path, file: str, tmp_path: Path) -> None:
    """A capture by a name that says something else is read all the same."""
    path = tmp_path / ("wrong (1).blf" if file.endswith(".asc") else "wrong).asc")
    shutil.copyfile(corpus / "can-logs" / file, path)

    assert told(path) == READ[file]


@pytest.mark.corpus
@pytest.mark.parametrize("file", REFUSED)
def test_a_capture_in_a_format_that_is_not_read(corpus: Path, file: str) -> None:
    """One line says what it is, where that is known, and what to do."""
    assert refusal(corpus / "can-logs" / file) == REFUSED[file] + EXPORT


@pytest.mark.corpus
def test_two_exports_of_one_capture(corpus: Path) -> None:
    """Candump and GVRET give the same 12,974 identifiers and payloads in the same order."""
    folder = corpus / "can-logs" / "savvycan-formats"
    first, second = (
        [(frame.key, frame.data) for frame in read(folder / name)[1]]
        for name in ("candump.log", "GVRET_Log.csv")
    )

    assert first == second
    assert len(first) == 12_974


@pytest.mark.corpus
def test_frames_stay_in_file_order(corpus: Path) -> None:
    """Time stamps that go back, 2,854 times, are left as they are."""
    path = corpus / "can-logs/outlander-phev/202109061515-steering-lock-to-lock.csv"
    times = [frame.time for frame in read(path)[1]]
    rows = path.read_text().splitlines()[1:]

    assert times == [int(row.split(",")[0]) / 1e6 for row in rows]
    assert sum(after < before for before, after in itertools.pairwise(times)) == 2_854


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("(1.5) can0 123#0102", Captured(1.5, "can0", 0x123, b"\1\2")),
        ("(1.5) can0 123#0102 R", Captured(1.5, "can0", 0x123, b"\1\2")),
        ("(1.5) can0 123#0102 T", Captured(1.5, "can0", 0x123, b"\1\2")),
        ("(1.5) can0 123#01.02", Captured(1.5, "can0", 0x123, b"\1\2")),
        ("(1.5) can0 7FF#", Captured(1.5, "can0", 0x7FF, b"")),
        ("(1.5) can0 123#", Captured(1.5, "can0", 0x123, b"")),
        ("(1.5) can0 00000123#01", Captured(1.5, "can0", 0x123 | EXTENDED, b"\1")),
        ("(1.5) can0 123##0010203", Captured(1.5, "can0", 0x123, b"\1\2\3")),
        ("(1.5) can0 123#R", Captured(1.5, "can0", 0x123 | REMOTE, b"")),
        ("(1.5) can0 123#R4", Captured(1.5, "can0", 0x123 | REMOTE, b"")),
        ("(1.5) can0 20000004#00", Captured(1.5, "can0", 4 | ERROR, b"\0")),
        ("  can0  123   [2]  01 02", Captured(0, "can0", 0x123, b"\1\2")),
        ("  can0  18FF50E5   [1]  01", Captured(0, "can0", 0x18FF50E5 | EXTENDED, b"\1")),
        ("  can0  123   [0]", Captured(0, "can0", 0x123, b"")),
        ("  can0  123   [0]  remote request", Captured(0, "can0", 0x123 | REMOTE, b"")),
        ("  can0  123   [2]  41 42   'AB'", Captured(0, "can0", 0x123, b"AB")),
        ("  can0  RX - -  123   [2]  01 02", Captured(0, "can0", 0x123, b"\1\2")),
        (" (1.5)  can0  TX B E  123  [02]  01 02", Captured(1.5, "can0", 0x123, b"\1\2")),
        ("<0x18eeff01> [2] 05 A0 ", Captured(0, "", 0x18EEFF01 | EXTENDED, b"\5\xa0")),
        ("<0x123> [1] 05", Captured(0, "", 0x123, b"\5")),
    ],
)  # fmt: skip
def test_what_candump_writes(tmp_path: Path, line: str, frame: Captured) -> None:
    """Each of its shapes is read, with time, channel, flags and data."""
    capture, frames = read(written(tmp_path, f"# a comment\n\n{line}\n"))

    assert (capture.format, frames, capture.unreadable) == ("candump", [frame], 0)
    assert capture.has_times is (frame.time == 1.5)


def test_shapes_may_change(tmp_path: Path) -> None:
    """A file glued together from several is read throughout."""
    text = "(1.0) can0 123#01\n  can1  124  [1]  02\n(2.0) can0 125#03\n"

    assert [frame.key for frame in read(written(tmp_path, text))[1]] == [0x123, 0x124, 0x125]


@pytest.mark.parametrize(
    "line",
    [
        "(1.0) can0 123#012", "(1.0) can0 800#01", "(1.0) can0 1234#01", "(1.0) can0 FFF#01", "(1.0) can0 12G#01",
        "(1.0) can0 123#01 X", "  can0  123   [3]  01 02", "(1.0) can0", "nonsense",
        "\x00\xff", "x" + " " * 20_000 + "!", f"({'9' * 400}.0) can0 123#01", "(1.0) can0 123#" + "01" * 20_000 + "!",
    ],
)  # fmt: skip
def test_lines_that_make_no_sense(tmp_path: Path, line: str) -> None:
    """They are counted, with the number of the first, and left out; the rest is read."""
    good = "(1.0) can0 123#01\n"
    capture, frames = read(written(tmp_path, f"# head\n{good * 3}{line}\n{good}{line}\n{good}"))

    assert (len(frames), capture.unreadable, capture.first_unreadable) == (5, 2, 5)


def test_remarks_may_fill_the_beginning(tmp_path: Path) -> None:
    """A log that begins with pages of remarks is read."""
    capture, frames = read(written(tmp_path, "# a remark\n" * 2000 + "(1.0) can0 123#01\n"))

    assert (capture.unreadable, len(frames)) == (0, 1)
    assert (
        refusal(written(tmp_path, "# a remark\n" * 2000)) == "holds no frame that reads as candump"
    )


def test_most_lines_tell_the_format(tmp_path: Path) -> None:
    """A text is a candump log if more than half of its first lines read as one."""
    good, bad = "(1.0) can0 123#01\n", "some words\n"

    assert refusal(written(tmp_path, good * 2 + bad * 2)).startswith("is no known capture")
    assert len(read(written(tmp_path, good * 3 + bad * 2))[1]) == 3


@pytest.mark.parametrize(
    ("head", "row", "frame"),
    [
        (GVRET, "1500000,00000123,false,0,2,01,02", Captured(1.5, "0", 0x123, b"\1\2")),
        (GVRET, "1500000,00000123,false,0,2,01,02,", Captured(1.5, "0", 0x123, b"\1\2")),
        (GVRET, "1500000,123,true,1,1,FF", Captured(1.5, "1", 0x123 | EXTENDED, b"\xff")),
        (GVRET, "-5,123,0,1,0", Captured(-0.000005, "1", 0x123, b"")),
        (GVRET.replace("Bus", "Dir,Bus"), "1500000,0x123,false,Rx,2,1,FF,",
         Captured(1.5, "2", 0x123, b"\xff")),
        ("\ufeff" + GVRET, "0,123,False,0,1,0A", Captured(0, "0", 0x123, b"\n")),
    ],
)  # fmt: skip
def test_what_savvycan_writes(tmp_path: Path, head: str, row: str, frame: Captured) -> None:
    """Each of its shapes is read: with and without direction, trailing comma, byte order mark."""
    capture, frames = read(written(tmp_path, f"{head}{row}\n\n"))

    assert (capture.format, frames, capture.unreadable) == ("GVRET csv", [frame], 0)


@pytest.mark.parametrize(
    "row",
    [
        "1,123,false,0,2,01", "1,123,false,0,x,01", "1,123,false,0", "1,123,false,0,1,100",
        "x,123,false,0,1,01", "1,xyz,false,0,1,01", "1,-5,false,0,1,01", "1,800,false,0,1,01",
        "1,20000000,true,0,1,01", "1,123,false,0,-1,01", '1,123,"false,0,1,01', "9" * 400 + ",1,0,0,0",
    ],
)  # fmt: skip
def test_rows_that_make_no_sense(tmp_path: Path, row: str) -> None:
    """They are counted, with the number of the first, and cost no other row."""
    good = "1000000,123,false,0,1,01\n"
    capture, frames = read(written(tmp_path, f"{GVRET}{good}{row}\n{good * 9000}"))

    assert (len(frames), capture.unreadable, capture.first_unreadable) == (9001, 1, 3)


def test_files_that_hold_nothing(tmp_path: Path) -> None:
    """A missing, an empty and a foreign file, a folder, and heads without frames are a line each."""
    asc = "date Thu\nbase hex  timestamps absolute\n"

    assert refusal(tmp_path / "none") == "cannot be read: No such file or directory"
    assert refusal(tmp_path) == "cannot be read: Is a directory"
    assert refusal(written(tmp_path, "")) == "is empty" + EXPORT
    assert (
        refusal(written(tmp_path, "PK\3\4")) == f"is a zip archive, which is not read here{EXPORT}"
    )
    assert refusal(written(tmp_path, GVRET)) == "holds no frame that reads as GVRET csv"
    assert refusal(written(tmp_path, asc)) == "holds no frame that reads as ASC"
    assert refusal(written(tmp_path, "LOGG")).startswith("breaks after 0 frames: ")
    assert refusal(written(tmp_path, ";$FILEVERSION=9.9\n")).startswith("holds no frame")
