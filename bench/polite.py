"""Masters that behave, and look at every answer: `python -m bench.polite PORT SECONDS`.

Each asks every 100 ms on a connection of its own. One is the EMS: it writes its heartbeat and finds it in the plant
block; the others read what never changes, and what must be plausible. Prints JSON: requests, latencies, what was wrong.
"""

import asyncio
import itertools
import json
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.master import HEARTBEAT, LEASE

HOST = "127.0.0.1"
EMS, READER = "127.0.0.2", "127.0.0.3"
READERS = 7
EVERY = 0.1  # s
_PATIENCE = 20.0  # s for an answer
_TERM = 3600  # s of lease
_TOLD = 10
"Of what was wrong, in words."
_HEAD = struct.Struct(">HHHB")
RACKS, CELLS = 12, 4992
_BEAT_AT, _RACKS_AT, _CELLS_AT, _IMAGE_AT = 4, 32, 34, 1
"Of the plant block: the EMS's heartbeat, how many racks and cells are valid, the image's counter."
CONSTANTS = struct.pack(">Hh", 0x1234, -12345) + struct.pack(">Ii", 0x12345678, -123456789)
"The self-test of the native map, at 60200."
_EMPTY, _FULL = 2500, 3650
"mV of a cell."
_MISSING = 0xFFFF
_QUALITIES = {0, 0x0201}
"Good, and old data: there is nothing else on this bus."
_BACK = 0x8000
"A counter of 16 bits that is so far ahead has gone back."
Words = tuple[int, ...]


@dataclass(slots=True)
class Seen:
    """What all masters have seen."""

    took: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    partial: int = 0
    "Answers that say of some values that there is none: the machine is too busy for all frames."

    def report(self) -> dict[str, object]:
        """For who started this program; times in ms."""
        ranked = sorted(self.took) or [0.0]
        at = {
            part: round(ranked[int((len(ranked) - 1) * part)] * 1e3, 2) for part in (0.5, 0.99, 1.0)
        }
        return {
            "requests": len(self.took), "partial": self.partial, "wrong": len(self.wrong), "reasons": self.wrong[:_TOLD],
            "p50": at[0.5], "p99": at[0.99], "max": at[1.0],
        }  # fmt: skip


class Conversation:
    """A connection of one master."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Seen
    ) -> None:
        self._reader, self._writer, self.seen = reader, writer, seen
        self._numbers = itertools.cycle(range(65536))

    async def ask(self, pdu: bytes) -> bytes:
        """The PDU of the answer; what its header has wrong is noted."""
        head = _HEAD.pack(next(self._numbers), 0, len(pdu) + 1, 1)
        begin = time.perf_counter()
        self._writer.write(head + pdu)
        async with asyncio.timeout(_PATIENCE):
            told = await self._reader.readexactly(_HEAD.size)
            answer = await self._reader.readexactly(int.from_bytes(told[4:6], "big") - 1)
        self.seen.took.append(time.perf_counter() - begin)
        self.need(told[:4] + told[6:] == head[:4] + head[6:], f"{head.hex()} answered {told.hex()}")
        return answer

    async def read(self, address: int, quantity: int) -> Words:
        """Registers."""
        answer = await self.ask(struct.pack(">BHH", 3, address, quantity))
        if answer[:2] != bytes((3, 2 * quantity)) or len(answer) != 2 + 2 * quantity:
            self.need(False, f"{quantity} from {address}: {answer[:8].hex()}")  # noqa: FBT003 - as below
            return ()
        return struct.unpack(f">{quantity}H", answer[2:])

    async def write(self, address: int, *words: int) -> None:
        """Function 16."""
        head = struct.pack(">BHH", 16, address, len(words))
        answer = await self.ask(head + struct.pack(f">B{len(words)}H", 2 * len(words), *words))
        self.need(answer == head, f"write to {address}: {answer[:8].hex()}")

    def need(self, fact: bool, what: str) -> None:  # noqa: FBT001 - reads as an assertion
        """Note what is not as it must be."""
        if not fact:
            self.seen.wrong.append(what)


def _counted(words: Words) -> bool:
    return words[_RACKS_AT] <= RACKS and words[_CELLS_AT] <= CELLS


def _complete(words: Words) -> bool:
    return words[_RACKS_AT] == RACKS and words[_CELLS_AT] == CELLS


def _are_cells(words: Words) -> bool:
    return all(_EMPTY < word < _FULL or word == _MISSING for word in words)


@dataclass(frozen=True, slots=True)
class Block:
    """What a reader looks at."""

    address: int
    quantity: int
    is_right: Callable[[Words], bool]
    is_whole: Callable[[Words], bool] = lambda _: True
    "Whether nothing is missing."


def blocks() -> Sequence[Block]:
    """Plant, cells, their quality, the self-test, identity."""
    first: list[Words] = []

    def is_same(words: Words) -> bool:
        first.append(words)
        del first[1:]
        return words == first[0]

    return (
        Block(0, 100, _counted, _complete),
        Block(4000, 125, _are_cells, lambda words: _MISSING not in words),
        Block(15000, 125, _are_cells, lambda words: _MISSING not in words),
        Block(24000, 125, lambda words: set(words) <= _QUALITIES, lambda words: not any(words)),
        Block(60200, 6, lambda words: struct.pack(">6H", *words) == CONSTANTS),
        Block(60000, 97, is_same),
    )


def _turns(seconds: float) -> Iterator[float]:
    """When to ask next."""
    begin = time.perf_counter()
    return iter([begin + EVERY * number for number in range(int(seconds / EVERY))])


async def _opened(port: int, host: str, seen: Seen) -> Conversation:
    reader, writer = await asyncio.open_connection(HOST, port, local_addr=(host, 0))
    return Conversation(reader, writer, seen)


async def _ems(talk: Conversation, seconds: float) -> None:
    await talk.write(LEASE, _TERM)
    renewed, beats, image = time.perf_counter(), itertools.cycle(range(1, 65536)), None
    for due in _turns(seconds):
        await asyncio.sleep(due - time.perf_counter())
        beat = next(beats)
        await talk.write(HEARTBEAT, beat, 1, 1, 0, 0)
        if words := await talk.read(0, 100):
            talk.need(words[_BEAT_AT] == beat, f"heartbeat {words[_BEAT_AT]} after {beat}")
            ahead = 0 if image is None else words[_IMAGE_AT] - image
            talk.need(ahead % 65536 < _BACK, f"image {words[_IMAGE_AT]} after {image}")
            talk.need(_counted(words), f"{words[_RACKS_AT]} racks, {words[_CELLS_AT]} cells")
            talk.seen.partial += not _complete(words)
            image = words[_IMAGE_AT]
        if time.perf_counter() - renewed > _TERM / 2:
            await talk.write(LEASE, _TERM)
            renewed = time.perf_counter()


async def _reader(talk: Conversation, seconds: float, number: int) -> None:
    rows = itertools.cycle(blocks())
    for due in _turns(seconds):
        await asyncio.sleep(due + EVERY * number / READERS - time.perf_counter())
        block = next(rows)
        if words := await talk.read(block.address, block.quantity):
            talk.need(block.is_right(words), f"{block.quantity} from {block.address}: {words}")
            talk.seen.partial += not block.is_whole(words)


async def poll(port: int, seconds: float) -> Seen:
    """All of them, to the end."""
    seen = Seen()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_ems(await _opened(port, EMS, seen), seconds))
            for number in range(READERS):
                talk = await _opened(port, READER, seen)
                tasks.create_task(_reader(talk, seconds, number))
    except* (OSError, EOFError) as lost:
        seen.wrong.append(f"not served: {lost.exceptions!r}")
    return seen


if __name__ == "__main__":
    print(json.dumps(asyncio.run(poll(int(sys.argv[1]), float(sys.argv[2]))).report()), flush=True)
