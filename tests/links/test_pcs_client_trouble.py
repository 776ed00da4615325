"""The PCS link and a PCS in trouble: what it does not answer, refuses, or says wrongly."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest
from links.pcs_core import SIM, Core, driving, now, passed, until
from links.pcs_peers import Access, Script, ScriptedPcs, scripted

from gateway.mapping.pcs import ReadSpan
from gateway.mapping.words import TYPES, Arrangement

WRITE = 16
LIMITS, COMMAND = 2, 0
"First registers of the two requests that carry an order."


@pytest.fixture
async def pcs() -> AsyncIterator[ScriptedPcs]:
    """A PCS that answers as it is told, and counts a heartbeat."""
    async with scripted() as pcs:
        pcs.script = beating(pcs)
        yield pcs


def beating(pcs: ScriptedPcs, **wrong: bytes) -> Script:
    """Answer rightly and count; but give some answers wrongly: by `read`, `limits`, `command`."""
    names = {(3, 100): "read", (WRITE, LIMITS): "limits", (WRITE, COMMAND): "command"}

    def script(access: Access) -> bytes | None:
        pcs.memory[109] = (pcs.memory[109] + 1) % 65536
        return wrong.get(names.get((access.function, access.address), ""))

    return script


def holding(pcs: ScriptedPcs, address: int) -> Script:
    """Hold answers back from the next request at an address on."""

    def script(access: Access) -> bytes | None:
        if access.address == address:
            pcs.may_answer.clear()
        return None

    return script


def commands(pcs: ScriptedPcs, since: float = 0) -> list[int]:
    """The commands that were written: 1 run, 0 stop."""
    written = [item for item in pcs.accesses if item.function == WRITE and item.time > since]
    return [item.words[1] for item in written if item.address == COMMAND]


async def run(core: Core) -> None:
    """Order to run, and see it done."""
    core.say(run=True, stop=False, power=1000)
    core.link.flush()
    await core.reported(2)


async def test_a_pcs_that_dies_and_comes_back(pcs: ScriptedPcs) -> None:
    """No report while it is away, and the order is there again when it is back."""
    async with driving(pcs.port) as core:
        await run(core)
        await pcs.stop()
        await until(lambda: core.link.state.errors >= 2)
        assert not core.link.state.up
        assert core.link.state.last_error == "nothing answers there"
        pcs.memory[:] = [0] * 200
        reports = len(core.reports)
        await pcs.start()
        await core.reported(2)

        assert commands(pcs)[-1] == 1
        assert pcs.words(2, 2) == [0, 1000]
        assert core.reports[reports].at > core.reports[reports - 1].at
        assert core.link.state.last_error == ""


async def test_a_pcs_that_is_never_there() -> None:
    """The link goes on asking, with pauses that grow."""
    async with driving(9) as core:
        await until(lambda: core.link.state.errors >= 4)

        assert (core.reports, core.link.state.opened) == ([], 0)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 70 + ".x", "\udc80"])
async def test_a_host_that_cannot_be(pcs: ScriptedPcs, host: str) -> None:
    """It is told like any other that does not answer."""
    async with driving(pcs.port) as core:
        core.link._host = host
        await until(lambda: core.link.state.errors >= 1)

        assert core.link.state.last_error == "nothing answers there"


async def test_reads_that_are_refused(pcs: ScriptedPcs) -> None:
    """They are told and counted; nothing is reported, and the order is written all the same."""
    pcs.script = beating(pcs, read=b"\x83\x02")
    async with driving(pcs.port) as core:
        core.say(run=True, stop=False, power=1000)
        await until(lambda: commands(pcs)[-1:] == [1])

        state = core.link.state
        assert (core.reports, state.polls, state.opened) == ([], 0, 1)
        assert state.refusals >= 1
        assert state.last_error == "reading 100..109: exception 2, it has no such registers"


async def test_limits_that_are_refused_do_not_run(pcs: ScriptedPcs) -> None:
    """An order that is taken in part is not obeyed: no command to run, no report, until it is."""
    pcs.script = beating(pcs, limits=b"\x90\x03")
    async with driving(pcs.port) as core:
        core.say(run=True, stop=False, power=1000)
        await until(lambda: core.link.state.refusals >= 3)
        told = "writing 2..11: exception 3, it does not take such values"
        assert (core.link.state.obeys, core.link.state.last_error) == (False, told)
        assert 1 not in commands(pcs)
        reports = len(core.reports)
        await passed(0.3)
        assert len(core.reports) == reports
        pcs.script = beating(pcs)
        await core.reported()

        assert commands(pcs)[-1] == 1


async def test_a_stop_goes_on_past_a_refusal(pcs: ScriptedPcs) -> None:
    """Where the command is refused, zero power and limits are written nevertheless."""
    async with driving(pcs.port) as core:
        await run(core)
        pcs.script = beating(pcs, command=b"\x90\x04")
        core.say(stop=True)
        core.link.flush()
        await until(lambda: pcs.words(2, 2) == [0, 0])

        assert core.link.state.last_error == "writing 0..1: exception 4, it cannot do that now"


async def test_a_stop_overtakes_an_order_that_is_being_written(pcs: ScriptedPcs) -> None:
    """What stands in the rest of an order to run is not sent any more once there is a stop."""
    async with driving(pcs.port, dataclasses.replace(SIM, poll=10.0)) as core:
        await until(lambda: pcs.words(10, 1) == [5])
        pcs.may_answer.clear()
        seen = len(pcs.accesses)
        core.say(run=True, stop=False, power=1000)
        core.link.flush()
        await until(lambda: len(pcs.accesses) > seen)
        assert pcs.accesses[-1].address == LIMITS
        core.say(run=False, stop=True)
        pcs.may_answer.set()
        await until(lambda: len(pcs.accesses) >= seen + 3)

        assert 1 not in commands(pcs)
        assert [access.address for access in pcs.accesses[seen:]][:3] == [LIMITS, COMMAND, LIMITS]
        assert pcs.words(1, 3) == [0, 0, 0]


async def test_answers_that_are_late(pcs: ScriptedPcs) -> None:
    """After half a second the connection is another; one request is out at a time."""
    async with driving(pcs.port) as core:
        await core.reported()
        pcs.may_answer.clear()
        opened, reports = pcs.opened, len(core.reports)
        await until(lambda: pcs.opened >= opened + 2)
        assert "no valid answer in 0.5 s" in core.link.state.last_error
        assert len(core.reports) <= reports + 1
        pcs.may_answer.set()
        await core.reported()


async def test_access_that_ends_while_a_request_is_out(pcs: ScriptedPcs) -> None:
    """R12: nothing follows it, not even the rest of the reading, and the connection is closed."""
    spans = (ReadSpan("holding", 100, 5), ReadSpan("holding", 105, 5))
    async with driving(pcs.port, dataclasses.replace(SIM, read_spans=spans)) as core:
        await core.reported()
        pcs.script = holding(pcs, 100)
        await until(lambda: not pcs.may_answer.is_set())
        core.say(access=False)
        since = now()
        pcs.script = lambda _: None
        pcs.may_answer.set()
        await until(lambda: core.link.state.left_alone)
        await passed(0.7)

        assert [item for item in pcs.accesses if item.time > since] == []
        assert pcs.closed == pcs.opened


WRONG = {
    "short": (b"\x03\x04\x00\x01\x00\x02", "the answer has 2 registers"),
    "another function": (b"\x04\x14" + bytes(20), "the answer is one of function 4"),
    "cut off": (b"\x03\x14\x00", "no valid answer in 0.5 s"),
    "no function": (b"\x63\x00\x00", "no valid answer in 0.5 s"),
    "odd": (b"\x03\x03\x00\x01\x02", "the answer has 1 registers"),
    "silence": (b"", "no valid answer in 0.5 s"),
    "a bare exception": (b"\x83", ""),
}  # fmt: skip
"Answers to a read, and what is said of them."


@pytest.mark.parametrize("wrong", WRONG)
async def test_answers_that_are_none(
    pcs: ScriptedPcs, wrong: str, caplog: pytest.LogCaptureFixture
) -> None:
    """They are told, never reported, and the link lives on without a traceback."""
    answer, told = WRONG[wrong]
    pcs.script = beating(pcs, read=answer)
    async with driving(pcs.port) as core:
        await until(lambda: core.link.state.last_error != "")
        assert told in core.link.state.last_error
        assert core.reports == []
        pcs.script = beating(pcs)
        await core.reported()

    assert caplog.records == []


async def test_an_answer_to_another_write(pcs: ScriptedPcs) -> None:
    """A PCS that says it took something else is not believed."""
    pcs.script = beating(pcs, limits=b"\x10\x00\x02\x00\x01")
    async with driving(pcs.port) as core:
        core.say(run=True, stop=False)
        await until(lambda: core.link.state.errors >= 1)

        assert core.link.state.last_error == "writing 2..11: the answer tells of 1 from 2"


async def test_a_heartbeat_that_stands_still(pcs: ScriptedPcs) -> None:
    """A PCS whose server answers and whose control does not count is not reported."""
    reads = tuple(
        dataclasses.replace(row, timeout=0.3) if row.what == "heartbeat" else row
        for row in SIM.reads
    )
    async with driving(pcs.port, dataclasses.replace(SIM, reads=reads)) as core:
        await core.reported(2)
        pcs.script = lambda _: None
        await until(lambda: "has stood still for 0.3 s" in core.link.state.last_error)
        reports = len(core.reports)
        await passed(0.3)
        assert len(core.reports) == reports
        pcs.script = beating(pcs)
        await core.reported()


async def test_another_device_is_never_written_to(pcs: ScriptedPcs) -> None:
    """A map that says what must stand there holds writes back until it does, by `flush` too."""
    (first, *rest) = SIM.reads
    coding = dataclasses.replace(first.coding, kind=TYPES["u16"], order=Arrangement())
    identity = dataclasses.replace(first, what="", at=108, coding=coding, expect=701, mask=0)
    pcs_map = dataclasses.replace(SIM, reads=(first, *rest, identity))
    async with driving(pcs.port, pcs_map) as core:
        core.link.flush()
        await until(lambda: core.link.state.errors >= 2)
        assert core.link.state.last_error == (
            "register 108 holds 0, not 701: another device or map"
        )
        assert {access.function for access in pcs.accesses} == {3}
        assert core.reports == []
        pcs.put(108, 701)
        await core.reported()
        await until(lambda: commands(pcs) != [])


async def test_a_link_that_is_cancelled_ends(pcs: ScriptedPcs) -> None:
    """At whatever moment: nothing of it is left, and nothing more is sent."""
    for turns in range(60):
        async with driving(pcs.port) as core:
            await until(lambda: core.link.state.up)
            for _ in range(turns):
                await asyncio.sleep(0)
    seen = len(pcs.accesses)
    await passed(0.2)

    assert len(pcs.accesses) <= seen + 1
    await until(lambda: pcs.closed == pcs.opened)


async def test_a_pcs_that_takes_connections_and_answers_nothing_is_not_back(
    pcs: ScriptedPcs,
) -> None:
    """An open port is no answer: it is up with the first whole reading."""
    async with driving(pcs.port) as core:
        await core.reported(1)
        assert core.link.state.up
        pcs.may_answer.clear()
        await until(lambda: not core.link.state.up)
        opened = core.link.state.opened
        seen = set[bool]()

        def again() -> bool:
            seen.add(core.link.state.up)
            return core.link.state.opened > opened and core.link.state.errors >= 3

        await until(again)

        assert seen == {False}
