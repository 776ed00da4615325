"""A PCS that takes everything and writes down when: `python -m bench.pcs_process PORT DC_AMPERES`.

The registers are those of the simulated PCS (conformance/sim/pcs_server.py); it runs when told to, gives what it is
asked, and measures the current that it is given here, as the racks tell. Prints JSON on SIGTERM: seconds (perf_counter), W and A of
discharging as they were after each write.
"""

import json
import signal
import socket
import struct
import sys
import time

_HEAD = struct.Struct(">HHHBBHH")
_SETTINGS, _MEASURED = 0, 100
_READ, _WRITE = 3, 16
_VOLTS = 13700  # 0.1 V
_RUN, _POWER, _DISCHARGE = 1, 2, 8
_LENGTH_AT, _DATA_AT = 6, 13


class Ended(Exception):
    """Somebody said stop."""


def _number(registers: list[int], at: int) -> int:
    value = registers[at] << 16 | registers[at + 1]
    return value - (1 << 32) if value >> 31 else value


def measured(settings: list[int], amperes: float) -> list[int]:
    """Registers 100 to 111."""
    deci = round(amperes * 10)
    return [
        2 if settings[_RUN] else 1, 0, settings[_POWER], settings[_POWER + 1], 0, 0, _VOLTS,
        deci >> 16 & 0xFFFF, deci & 0xFFFF, int(time.monotonic()) & 0xFFFF, 0x26, 0x25A0,
    ]  # fmt: skip


def answer(adu: bytes, settings: list[int], amperes: float) -> bytes:
    """Take a request, and what is answered."""
    transaction, _, _, unit, function, first, count = _HEAD.unpack_from(adu)
    if function == _WRITE:
        settings[first : first + count] = struct.unpack_from(f">{count}H", adu, _DATA_AT)
        return _HEAD.pack(transaction, 0, 6, unit, function, first, count)
    base, registers = _SETTINGS, settings
    if first >= _MEASURED:
        base, registers = _MEASURED, measured(settings, amperes)
    data = struct.pack(f">{count}H", *registers[first - base : first - base + count])
    return struct.pack(">HHHBBB", transaction, 0, len(data) + 3, unit, function, len(data)) + data


def converse(link: socket.socket, amperes: float, written: list[tuple[float, int, float]]) -> None:
    """Answer one master until it goes."""
    settings, buffer = [0] * 12, b""
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while data := link.recv(4096):
        now, buffer = time.perf_counter(), buffer + data
        while len(buffer) > _LENGTH_AT and len(buffer) >= 6 + buffer[5]:
            adu, buffer = buffer[: 6 + buffer[5]], buffer[6 + buffer[5] :]
            link.sendall(answer(adu, settings, amperes))
            if adu[7] == _WRITE:
                power, limit = _number(settings, _POWER), _number(settings, _DISCHARGE) / 10
                written.append((now, power if settings[_RUN] else 0, limit))


def _end(*_: object) -> None:
    raise Ended


def main() -> None:
    """Serve one master after another."""
    port, amperes = int(sys.argv[1]), float(sys.argv[2])
    written: list[tuple[float, int, float]] = []
    signal.signal(signal.SIGTERM, _end)
    try:
        with socket.create_server(("127.0.0.1", port)) as server:
            while True:
                link, _ = server.accept()
                with link:
                    converse(link, amperes, written)
    except Ended:
        print(json.dumps(written), flush=True)


if __name__ == "__main__":
    main()
