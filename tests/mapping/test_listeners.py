"""Listeners of a site file: their rules, and what is wrong with them at its line and column."""

from pathlib import Path

import pytest
from mapping.spoken import lines

from gateway.errors import MappingError
from gateway.mapping.library import Library
from gateway.mapping.listeners import ANYBODY, Framing, Line, Listening, Parity, UnknownUnit
from gateway.mapping.site import Site, load_site

SITE = """\
site: heard
buses: {{can0: {{interface: virtual}}}}
containers:
  - name: C1
    topology: {{racks: 1, modules: 8, cells: 52}}
    sources: [{{frames: demo-bmu, bus: can0}}]
faces: [{{map: native, listen: '127.0.0.1:5020'}}, {{map: native, listen: '[::1]:5021'}}]
listeners:
  - {row}
"""


def site(folder: Path, row: str) -> Site:
    """A site with one row of listeners."""
    file = folder / "site.yaml"
    file.write_text(SITE.format(row=row))
    return load_site(Library(), str(file))


def test_what_is_not_said_is_open(tmp_path: Path) -> None:
    """Anybody, 128 connections, also of one address, exception 0A; another listener has no rules of its own."""
    found = site(tmp_path, "{at: '[::1]:5021'}").listeners

    assert found == {("::1", 5021): ANYBODY}
    assert (ANYBODY.most, ANYBODY.most_of_one, ANYBODY.is_read_only) == (128, 128, False)
    assert ANYBODY.allows("10.0.0.5")
    assert not ANYBODY.is_prior("10.0.0.5")


def test_the_rules_of_a_listener(tmp_path: Path) -> None:
    """Networks and addresses, numbers and policies."""
    row = (
        "{at: '127.0.0.1:5020', allow: [10.0.0.0/24, 127.0.0.1, '::1'], priority: [10.0.0.5],"
        " connections: 8, unknown_unit: silent, read_only: true, framing: rtu}"
    )
    rules = site(tmp_path, row).listeners["127.0.0.1", 5020]

    assert [rules.allows(peer) for peer in ("10.0.0.9", "127.0.0.1", "::1", "::ffff:10.0.0.9")] == [True] * 4  # fmt: skip
    assert [rules.allows(peer) for peer in ("10.0.1.9", "127.0.0.2", "::2", "none")] == [False] * 4
    assert [rules.is_prior(peer) for peer in ("10.0.0.5", "10.0.0.6")] == [True, False]
    assert rules == Listening(
        rules.allowed,
        rules.prior,
        8,
        8,
        UnknownUnit.SILENT,
        is_read_only=True,
        framing=Framing.RTU,
    )


def test_a_serial_line(tmp_path: Path) -> None:
    """Its numbers; the silence between frames follows from them."""
    text = SITE.replace("'[::1]:5021'", "/dev/ttyS1")

    def of(numbers: str) -> Line:
        file = tmp_path / "site.yaml"
        file.write_text(text.format(row=f"{{at: /dev/ttyS1{numbers}}}"))
        return load_site(Library(), str(file)).listeners["/dev/ttyS1", 0].line

    assert of("") == Line(19200, Parity.EVEN, 1, 0.005)
    assert of(", baud: 9600, parity: none") == Line(9600, Parity.NONE, 2, 0.005)
    assert of(", baud: 1200, parity: odd, stop_bits: 2") == Line(1200, Parity.ODD, 2, 3.5 * 11 / 1200)  # fmt: skip
    assert of(", baud: 115200, silence: 0.00175").silence == 0.00175


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("{at: '127.0.0.1:5022'}", "site.yaml:9:10: no face listens at 127.0.0.1:5022; did you mean '127.0.0.1:5020'?"),
        ("{at: '10.9.9.9:9'}", "site.yaml:9:10: no face listens at 10.9.9.9:9; known: 127.0.0.1:5020, [::1]:5021"),
        ("{at: '127.0.0.1:5020'}\n  - {at: '127.0.0.1:5020'}", "site.yaml:10:10: 127.0.0.1:5020 has rules already; remove one"),
        ("{at: '127.0.0.1:5020', allow: [10.0.0.300]}", "site.yaml:9:36: '10.0.0.300' is no address or network; like 10.0.0.5 or 10.0.0.0/24"),
        ("{at: '127.0.0.1:5020', priority: [plc]}", "site.yaml:9:39: 'plc' is no address or network; like 10.0.0.5 or 10.0.0.0/24"),
        ("{at: '127.0.0.1:5020', allow: []}", "site.yaml:9:35: 'allow' has too few entries"),
        ("{at: '127.0.0.1:5020', connections: 4, per_address: 5}", "site.yaml:9:57: more than all 4; lower it"),
        ("{at: '127.0.0.1:5020', baud: 9600}", "site.yaml:9:34: is of serial lines; remove it"),
        ("{at: '127.0.0.1:5020', framing: ascii}", "site.yaml:9:37: 'framing' must be 'tcp' or 'rtu'"),
        ("{at: '127.0.0.1:5020', unknown_unit: reject}", "site.yaml:9:42: 'unknown_unit' must be 'unavailable', 'no_response' or 'silent'"),
    ],
)  # fmt: skip
def test_a_mistake(tmp_path: Path, row: str, complaint: str) -> None:
    """Each is told with its place and the remedy."""
    with pytest.raises(MappingError) as refusal:
        site(tmp_path, row)
    assert lines(refusal.value) == [complaint]


@pytest.mark.parametrize(
    ("numbers", "complaint"),
    [
        ("allow: [10.0.0.1]", "site.yaml:9:29: a serial line has no connections; remove it"),
        ("framing: rtu", "site.yaml:9:31: a serial line has no connections; remove it"),
        ("baud: 9600, silence: 0.004", "site.yaml:9:43: frames are 4.01 ms apart at 9600 baud; give more"),
        ("baud: 1000", "site.yaml:9:28: 'baud' must be 1200, 2400, 4800, 9600, 19200, 38400, 57600 or 115200"),
    ],
)  # fmt: skip
def test_a_mistake_of_a_line(tmp_path: Path, numbers: str, complaint: str) -> None:
    """What does not belong to it, or cannot be."""
    file = tmp_path / "site.yaml"
    text = SITE.replace("'[::1]:5021'", "/dev/ttyS1")
    file.write_text(text.format(row=f"{{at: /dev/ttyS1, {numbers}}}"))
    with pytest.raises(MappingError) as refusal:
        load_site(Library(), str(file))
    assert lines(refusal.value) == [complaint]
