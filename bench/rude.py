"""Masters that misbehave: `python -m bench.rude PORT SECONDS CLIENTS`.

Each comes, does something, goes, and comes again: by FIN or by RST, between requests or in the middle of one. What
they are told where they listen must be right, too. Prints JSON: visits by kind, what was wrong.
"""

import asyncio
import contextlib
import json
import random
import socket
import struct
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

HOST = "127.0.0.1"
_READ = struct.Struct(">HHHBBHH")
_RESET = struct.pack("ii", 1, 0)
"SO_LINGER: closing sends RST."
_PATIENCE = 60.0  # s of a visit
_TOLD = 10
_NARROW = 4096  # bytes of a receive buffer that fills soon
_BURST = 400
_RUDE = {"deaf", "slow"}
"Who has such a buffer."
_STRANGE = (
    "06 F230 0001", "10 EE48 0001 02 0001", "16 EE48 0000 FFFF", "17 0000 0001 EE48 0001 02 0001", "05 0000 FF00",
)  # fmt: skip
"Writes of commands by somebody who may only read: exception 1, or 2 where there are no coils."
_REFUSALS = {1, 2}


@dataclass(slots=True)
class Seen:
    """What became of all visits."""

    visits: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    "Connections that the gateway ended: to make room, or because the stream was broken."
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Visit:
    """One connection."""

    link: socket.socket
    dice: random.Random
    seen: Seen
    rest: bytes = b""

    async def put(self, data: bytes) -> None:
        """Send."""
        await asyncio.get_running_loop().sock_sendall(self.link, data)

    async def get(self, size: int) -> bytes:
        """So many bytes; OSError if the gateway has gone."""
        loop = asyncio.get_running_loop()
        while len(self.rest) < size:
            data = await loop.sock_recv(self.link, 65536)
            if not data:
                raise ConnectionResetError
            self.rest += data
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    async def answer(self, transaction: int, function: int) -> bytes:
        """The PDU of an answer that must be this one's."""
        told = await self.get(7)
        number, protocol, length, unit = struct.unpack(">HHHB", told)
        pdu = await self.get(length - 1) if length > 1 else b"\0"
        if (number, protocol, unit, pdu[0] & 0x7F) != (transaction, 0, 1, function):
            self.seen.wrong.append(f"{transaction} of {function}: {told.hex()} {pdu[:4].hex()}")
        return pdu

    def asked(self, transaction: int) -> bytes:
        """A read of some registers."""
        return _READ.pack(
            transaction, 0, 6, 1, 3, self.dice.randrange(300), self.dice.randint(1, 125)
        )


async def _polls(visit: Visit) -> None:
    for number in range(visit.dice.randint(1, 20)):
        await visit.put(visit.asked(number))
        await visit.answer(number, 3)


async def _half(visit: Visit) -> None:
    await visit.put(visit.asked(1) + visit.asked(2)[: visit.dice.randint(1, 11)])


async def _burst(visit: Visit) -> None:
    await visit.put(b"".join(visit.asked(number) for number in range(_BURST)))
    for number in range(_BURST):
        await visit.answer(number, 3)


async def _unread(visit: Visit) -> None:
    """Ask for more than anybody can keep, and hear nothing of it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(visit.dice.uniform(1, 5)):
            while True:
                await visit.put(b"".join(visit.asked(number) for number in range(200)))
                await asyncio.sleep(
                    0
                )  # what is sent at once waits for nobody, and the other clients would


async def _slow(visit: Visit) -> None:
    await visit.put(b"".join(visit.asked(number) for number in range(200)))
    for _ in range(visit.dice.randint(20, 100)):
        await visit.get(50)
        await asyncio.sleep(0.02)


async def _noise(visit: Visit) -> None:
    for _ in range(visit.dice.randint(1, 10)):
        await visit.put(visit.dice.randbytes(visit.dice.randint(1, 2000)))
        await asyncio.sleep(0.02)


async def _nonsense(visit: Visit) -> None:
    """Right headers, and anything behind them."""
    for number in range(50):
        pdu = visit.dice.randbytes(visit.dice.randint(1, 253))
        await visit.put(struct.pack(">HHHB", number, 0, len(pdu) + 1, 1) + pdu)
        await visit.answer(number, pdu[0] & 0x7F)


async def _trespass(visit: Visit) -> None:
    for number, text in enumerate(_STRANGE):
        pdu = bytes.fromhex(text)
        await visit.put(struct.pack(">HHHB", number, 0, len(pdu) + 1, 1) + pdu)
        told = await visit.answer(number, pdu[0])
        if len(told) != 2 or told[0] != pdu[0] | 0x80 or told[1] not in _REFUSALS:  # noqa: PLR2004 - an exception's PDU
            visit.seen.wrong.append(f"{text} of a stranger: {told.hex()}")


async def _holds(visit: Visit) -> None:
    """A picture is held, and not given back."""
    await visit.put(bytes.fromhex("0001 0000 0006 01 06 EECA 00C8") + visit.asked(2))
    await visit.answer(1, 6)
    await visit.answer(2, 3)


async def _drips(visit: Visit) -> None:
    for byte in visit.asked(9):
        await visit.put(bytes((byte,)))
        await asyncio.sleep(0.01)
    await visit.answer(9, 3)


async def _silent(visit: Visit) -> None:
    await asyncio.sleep(visit.dice.uniform(0.5, 5))


KINDS: Mapping[str, Callable[[Visit], Awaitable[None]]] = {
    "polls": _polls, "half": _half, "burst": _burst, "deaf": _unread, "slow": _slow, "noise": _noise,
    "nonsense": _nonsense, "trespass": _trespass, "holds": _holds, "drips": _drips, "silent": _silent,
}  # fmt: skip


_RARE = {"deaf": 0.2}
"How often a kind is met, where not as often as the others: a flood is all that a gateway can do."


def _chosen(dice: random.Random) -> str:
    return dice.choices(list(KINDS), [_RARE.get(kind, 1.0) for kind in KINDS])[0]


async def _visit(port: int, kind: str, dice: random.Random, seen: Seen) -> None:
    """Come, do something, go."""
    with socket.socket() as link:
        link.settimeout(0)
        if kind in _RUDE:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _NARROW)
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.get_running_loop().sock_connect(link, (HOST, port))
                await KINDS[kind](Visit(link, dice, seen))
        except TimeoutError:
            seen.wrong.append(f"{kind}: not done in {_PATIENCE:g} s")
        except OSError:
            seen.lost += 1
        if dice.random() < 0.5:  # noqa: PLR2004 - every other one
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    seen.visits[kind] += 1


async def _client(port: int, number: int, seen: Seen) -> None:
    dice = random.Random(number)
    while True:
        await _visit(port, _chosen(dice), dice, seen)
        await asyncio.sleep(dice.uniform(0.05, 0.5))


async def beset(port: int, seconds: float, clients: int) -> Seen:
    """All of them, until they all go at once, whatever they are at."""
    seen = Seen()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            for number in range(clients):
                tasks.create_task(_client(port, number, seen))
    return seen


if __name__ == "__main__":
    found = asyncio.run(beset(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
    report = {
        "visits": found.visits,
        "lost": found.lost,
        "wrong": len(found.wrong),
        "reasons": found.wrong[:_TOLD],
    }
    print(json.dumps(report), flush=True)
