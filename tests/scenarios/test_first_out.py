"""What tripped first, told by a real pack's capture, and by what the trip recorder makes of it (R17, R24)."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from gateway.app import Gateway
from gateway.canbus.frame import Frame
from gateway.links.recorder import Recorder
from gateway.links.replay import feeds, replayed
from gateway.mapping.library import Library
from gateway.mapping.site import load_site
from gateway.model.event import Event

from program import Program

pytestmark = pytest.mark.corpus
LOG = "can-logs/redpesk-bms/bms-dump.log"
CYCLE = 0.02


def told(essgw: Program, corpus: Path, log: Path, *options: object) -> dict[str, object]:
    """Control's points at the end of a replay, as text where they have one."""
    done = essgw("replay", "redpesk", "--log", f"can0={log}", "--path", corpus / "dbc/redpesk-bms",
                 "--json", *options)  # fmt: skip
    rows = json.loads(done.stdout)["points"]
    return {row["point"]: row["text"] or row["value"] for row in rows if row["rack"] in {None, 1}}


def test_silence_at_the_start_is_no_first_out(essgw: Program, corpus: Path) -> None:
    """Before the trip nothing has tripped, though the first second was silent (R17)."""
    before = told(essgw, corpus, corpus / LOG, "--until", 259.2)

    assert before["first_out"] == "none"
    assert before["resets_needed"] == 0


def test_the_first_out_is_the_bmu_s_cell_overvoltage(essgw: Program, corpus: Path) -> None:
    """At 259.4 s the BMU's cell over-voltage trips rack 1; safety mode and fault codes follow it (R24)."""
    after = told(essgw, corpus, corpus / LOG, "--until", 270)

    assert after["first_out"] == "bmu_trip_cell_overvoltage"
    assert after["first_out_rack"] == 1
    age = after["first_out_age"]
    assert isinstance(age, float)
    assert 270 - age == pytest.approx(259.4, abs=0.2)


def test_a_trip_is_latched(essgw: Program, corpus: Path) -> None:
    """When the BMU's own diagnosis is gone the latch still stands, with its first-out (R24)."""
    later = told(essgw, corpus, corpus / LOG, "--until", 300)

    assert later["rack_trip_cell_overvoltage"] == "off"
    assert later["first_out"] == "bmu_trip_cell_overvoltage"
    assert later["charge_permitted"] == "no"


def test_the_recorder_s_file_replays_to_the_same(
    essgw: Program, corpus: Path, library: Library, tmp_path: Path
) -> None:
    """A gateway that sees the trip records it; the record replays to the same first-out."""
    site = load_site(library, "redpesk")
    gateway = Gateway(site, "replay")
    (controller,) = gateway.controllers()
    recorder = Recorder(tmp_path / "trips", before=20, after=3)

    def happened(events: list[Event]) -> None:
        for event in events:
            if event.kind.name == "first_out":
                recorder.trip(event.at, event.row)

    controller.told = lambda events: happened(list(events))
    due = 0.0
    with closing(recorder):
        for item in replayed(feeds([("can0", corpus / LOG)], site.buses)):
            if item.time > 270:
                break
            while due <= item.time:
                gateway.decide(due)
                recorder.cycle(due)
                due += CYCLE
            frame = Frame(item.time, item.frame.key, item.frame.data)
            recorder.frame("can0", frame)
            gateway.receive("can0", frame)
    (folder,) = (tmp_path / "trips").iterdir()

    replayed_trip = told(essgw, corpus, next(folder.glob("*.log")))
    assert replayed_trip["first_out"] == "bmu_trip_cell_overvoltage"
    assert replayed_trip["first_out_rack"] == 1
