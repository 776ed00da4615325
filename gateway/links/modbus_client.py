"""Reading registers of some server, for tools: pymodbus's client with our errors."""

import contextlib
import logging
from collections.abc import Iterable, Iterator, Mapping

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from gateway.errors import LinkError
from gateway.modbus.wire import MAX_READ

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # what matters comes back as LinkError


class RegisterReader:
    """A connection to a server's unit."""

    def __init__(self, client: ModbusTcpClient, place: str, unit: int) -> None:
        self._client, self._place, self._unit = client, place, unit

    def read(self, address: int, quantity: int) -> list[int]:
        """Up to 125 registers; LinkError if the server refuses or does not answer."""
        try:
            response = self._client.read_holding_registers(
                address, count=quantity, device_id=self._unit
            )
        except (ModbusException, OSError) as error:
            raise LinkError(f"{self._place} does not answer: {error}") from None
        if response.isError() or len(response.registers) != quantity:
            code = getattr(response, "exception_code", 0)
            reason = f"exception {code}" if code else "no valid answer"
            raise LinkError(
                f"{self._place} refuses registers {address}..{address + quantity - 1}: {reason}"
            )
        return list(response.registers)

    def read_all(self, wanted: Iterable[tuple[int, int]], bridge: int) -> Mapping[int, int]:
        """Registers of many `(address, words)` places in few reads; gaps up to `bridge` are read over."""
        registers: dict[int, int] = {}
        for first, end in joined(wanted, bridge):
            registers.update(enumerate(self.read(first, end - first), first))
        return registers


def joined(wanted: Iterable[tuple[int, int]], bridge: int) -> list[tuple[int, int]]:
    """Reads of at most 125 registers that cover all places without splitting one."""
    spans: list[tuple[int, int]] = []
    for address, words in sorted(set(wanted)):
        if (
            spans
            and address - spans[-1][1] <= bridge
            and address + words - spans[-1][0] <= MAX_READ
        ):
            spans[-1] = spans[-1][0], max(spans[-1][1], address + words)
        else:
            spans.append((address, address + words))
    return spans


@contextlib.contextmanager
def register_reader(host: str, port: int, unit: int) -> Iterator[RegisterReader]:
    """Connect to a server for a while; LinkError if nothing listens there."""
    client = ModbusTcpClient(host, port=port, timeout=3, retries=0)
    try:
        if not client.connect():  # type: ignore[no-untyped-call] # pymodbus leaves it open
            raise LinkError(f"nothing answers at {host}:{port}; is the gateway running there?")
        yield RegisterReader(client, f"{host}:{port} unit {unit}", unit)
    finally:
        client.close()  # type: ignore[no-untyped-call] # as above
