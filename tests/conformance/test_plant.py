"""The whole simulated plant on a bus and on Modbus TCP, and what a user may say to it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import can
import pytest
from cantools.database.can import Database
from simulated.bench import CONNECT, Bench

from conformance.sim import script
from conformance.sim.battery import Battery, Ratings
from conformance.sim.fault import FAULTS, Faults
from conformance.sim.master import Master, Register
from conformance.sim.plant import Plant
from conformance.sim.script import Timed
from gateway.errors import UsageError

from program import Program


async def connected(
    bus: can.BusABC, database: Database, order: Callable[[], None]
) -> dict[str, float]:
    """Order until the status of rack 2 says that it is, and its contactors then."""
    async with asyncio.timeout(30):
        while True:
            order()
            await asyncio.sleep(0.1)
            while (message := bus.recv(0)) is not None:
                if message.arbitration_id == 0x180212F4:
                    status = database.decode_message("Rack_Status", bytes(message.data))
                    assert isinstance(status, dict)
                    told = {name: float(str(value)) for name, value in status.items()}
                    if told["RackState"] == 3:
                        return told


async def test_a_plant_is_connected_and_driven_from_outside(database: Database) -> None:
    """Requests on a bus close its racks; registers of its PCS make current flow; all of it is seen there."""
    plant = Plant(Battery(Ratings(racks=2), closed=False))
    server = await plant.serve_pcs("127.0.0.1", 0)
    voice, master = Bench(database), Master("127.0.0.1", server.port)
    with (
        can.Bus(interface="virtual", channel="test-plant") as theirs,
        can.Bus(interface="virtual", channel="test-plant") as ours,
    ):
        running = asyncio.create_task(plant.run(theirs))

        def order() -> None:
            data = voice.frame(CONNECT)
            for rack in (1, 2):
                ours.send(can.Message(arbitration_id=0x190001A0 | rack << 16, data=data))

        async def drive() -> None:
            order()
            for place, value in (
                (Register(1), 1), (Register(2, 2, signed=True), -200_000),
                (Register(6, 2, scale=0.1), 200), (Register(8, 2, scale=0.1), 200),
            ):  # fmt: skip
                assert await master.write(place, value) == 0

        async def until(register: Register, low: float, high: float) -> None:
            """Drive until the PCS measures something."""
            async with asyncio.timeout(30):
                while not low <= await master.read(register) <= high:
                    await drive()
                    await asyncio.sleep(0.1)

        status = await connected(ours, database, order)
        await until(Register(107, 2, signed=True, scale=0.1), -160, -130)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    master.close()

    assert [status[f"Contactor{name}"] for name in ("Positive", "Negative")] == [1, 1]


def test_options_name_silences_and_faults() -> None:
    """Rack and time may be left out of a fault."""
    plan = script.planned(["3", "4@2.5"], ["welded:2@10", "door", "pcs_dead@1"], 12)

    assert plan == [
        Timed("silent", 3), Timed("silent", 4, 2.5), Timed("welded", 2, 10), Timed("door"),
        Timed("pcs_dead", 0, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("silence", "fault", "told"),
    [
        (["x"], [], "--silence is RACK or RACK@SECONDS, like 3@20; not 'x'"),
        (["13"], [], "there is no rack 13: racks go from 1 to 12"),
        ([], ["welded:"], "--fault is NAME, NAME:RACK or NAME:RACK@SECONDS, like welded:3@20; not 'welded:'"),
        ([], ["welded:0"], "there is no rack 0: racks go from 1 to 12"),
        ([], ["pcs_dead:3"], "pcs_dead is of the PCS: it takes no rack"),
        ([], ["rust"], "there is no fault 'rust'; there are stuck_open, welded, "),
    ],
)  # fmt: skip
def test_a_wrong_option_is_told(silence: list[str], fault: list[str], told: str) -> None:
    """With what would be right."""
    with pytest.raises(UsageError) as refused:
        script.planned(silence, fault, 12)

    assert str(refused.value).startswith(told)


def test_words_set_and_clear_faults() -> None:
    """Of a rack, of all racks, of the PCS; each answered with what it means."""
    faults = Faults(3)

    def say(line: str) -> str:
        act, answer = script.understood(line, faults, 3)
        act()
        return answer

    assert say("stop 3") == "rack 3: stop"
    assert say("fault welded 2") == "rack 2: welded: the main contactors do not open"
    assert say("fault door") == "all racks: door: " + FAULTS["door"].text
    assert say("fault pcs_trip") == "PCS: pcs_trip: the PCS trips of itself"
    assert [faults.of(rack) for rack in (1, 2, 3)] == [
        {"door"}, {"welded", "door"}, {"silent", "door"},
    ]  # fmt: skip
    assert faults.plant == {"pcs_trip"}
    assert say("start 3") == "rack 3: start"
    assert say("clear door 1") == "rack 1: door is cleared"
    assert say("clear door") == "all racks: door is cleared"
    assert say("clear pcs_trip") == "PCS: pcs_trip is cleared"
    assert [faults.of(rack) for rack in (1, 2, 3)] == [set(), {"welded"}, set()]
    with pytest.raises(UsageError, match="'jump' is neither 'stop RACK' nor 'start RACK', "):
        say("jump")


async def test_planned_faults_come_at_their_time() -> None:
    """Now, or later."""
    faults = Faults(2)
    script.start([Timed("door", 1), Timed("fire", 2, 0.05)], faults)
    async with asyncio.timeout(30):
        while faults.of(2) != {"fire"}:
            await asyncio.sleep(0.01)

    assert faults.of(1) == {"door"}


def test_the_demo_takes_faults(tmp_path: Path) -> None:
    """From the command line and from the keyboard; a register shows them."""
    essgw = Program(tmp_path)
    refused = essgw("demo", "--fault", "rust", status=2)
    assert "there is no fault 'rust'" in refused.stderr
    with essgw.serving("demo", "--listen", "127.0.0.1:0", "--fault", "door:2") as served:
        served.wait_for("Ctrl-C ends")
        served.say("fault insulation 3")
        served.wait_for("rack 3: insulation: 20 kOhm to earth")
        served.say("fault nothing")
        served.wait_for("there is no fault 'nothing'; there are stuck_open")


def test_the_simulator_alone_says_where_its_pcs_is(tmp_path: Path) -> None:
    """`essgw sim --pcs` serves registers, on a bus of its own; a wrong load is told."""
    essgw = Program(tmp_path)
    bus = ("--bus", "can0=virtual:test-sim-alone")
    done = essgw("sim", *bus, "--pcs", "127.0.0.1:0", "--open", "--for", "0.3", "--load", "-1e5")
    refused = essgw("sim", *bus, "--load", "much", status=2)

    assert "the PCS serves Modbus TCP at 127.0.0.1:" in done.stdout
    assert "--load is a number of watts or 'cycle'; not 'much'" in refused.stderr
