"""Reading and writing registers of some server, for tools: pymodbus's client with our errors."""

import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from gateway.errors import LinkError
from gateway.links.listening import written
from gateway.links.tls import context_as, readable
from gateway.mapping.image import Table
from gateway.modbus.functions import MAX_READ

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # what matters comes back as LinkError


EXCEPTIONS = {
    1: "it does not serve this function, not to this master at least",
    2: "it has no such registers",
    3: "it does not take such a request",
    4: "it has nothing to show there now",
    6: "it is busy",
    10: "it has no such unit id",
    11: "the device behind this unit id does not answer",
}
"What exception codes mean to who reads (APP V1.1b3 clause 7)."
WRITE_EXCEPTIONS = EXCEPTIONS | {
    1: "this master has no role that may write there",
    2: "this cannot be written, or it is only half of a value",
    3: "it takes no such value",
    4: "control refuses it",
}
"The same to who writes (DESIGN 6: function, structure, address, role, value, control)."

_PATIENCE = 3.0
"Seconds."
_BITS = {Table.COIL, Table.DISCRETE}
_ASKS = {
    Table.COIL: "read_coils",
    Table.DISCRETE: "read_discrete_inputs",
    Table.HOLDING: "read_holding_registers",
    Table.INPUT: "read_input_registers",
}
"pymodbus's methods."


class RegistersRefused(LinkError):
    """The server answered with an exception."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class RegisterReader:
    """A connection to a server's unit."""

    def __init__(self, client: ModbusTcpClient, place: str, unit: int) -> None:
        self._client, self._place, self._unit = client, place, unit

    def read(self, address: int, quantity: int, table: Table = Table.HOLDING) -> list[int]:
        """Up to 125 registers, or bits as 0 and 1; RegistersRefused, or LinkError if there is no valid answer."""
        what = "bits" if table in _BITS else "registers"
        ask = getattr(self._client, _ASKS[table])
        try:
            response = ask(address, count=quantity, device_id=self._unit)
        except (ModbusException, OSError) as error:
            raise self._lost(error) from None
        self._check(response, f"refuses {what} {address}..{address + quantity - 1}", EXCEPTIONS)
        told = [int(value) for value in getattr(response, what)]
        if (
            response.isError()
            or len(told) < quantity
            or (table not in _BITS and len(told) > quantity)
        ):
            raise LinkError(f"{self._place} gives no valid answer")
        return told[:quantity]

    def write(self, address: int, words: Sequence[int], table: Table = Table.HOLDING) -> None:
        """Up to 123 registers in one function 16, or coils in a 15; RegistersRefused with the code, or LinkError."""
        what, last = "coil" if table in _BITS else "register", address + len(words) - 1
        span = f"{what} {address}" if len(words) == 1 else f"{what}s {address}..{last}"
        try:
            if table in _BITS:
                bits = [bool(word) for word in words]
                response = self._client.write_coils(address, bits, device_id=self._unit)
            else:
                response = self._client.write_registers(address, list(words), device_id=self._unit)
        except (ModbusException, OSError) as error:
            raise self._lost(error) from None
        self._check(response, f"refuses to write {span}", WRITE_EXCEPTIONS)
        if response.isError():
            raise LinkError(f"{self._place} gives no valid answer")

    def _lost(self, error: Exception) -> LinkError:
        return LinkError(f"{self._place} does not answer: {_reason(error)}")

    def _check(self, response: object, refusal: str, meanings: Mapping[int, str]) -> None:
        """RegistersRefused if a response is an exception."""
        code = int(getattr(response, "exception_code", 0))
        if code:
            text = f"{self._place} {refusal}: exception {code}"
            if code in meanings:
                text += f", {meanings[code]}"
            raise RegistersRefused(text, code)

    def read_all(
        self, wanted: Iterable[tuple[int, int]], bridge: int, report: Callable[[float], None],
        table: Table = Table.HOLDING,
    ) -> Mapping[int, int]:  # fmt: skip
        """Registers of many `(address, words)` places in few reads; gaps up to `bridge` are read over.

        Places that the server refuses are left out; RegistersRefused if it refuses all of them.
        """
        registers: dict[int, int] = {}
        places = sorted(set(wanted))
        refusal: RegistersRefused | None = None
        for number, (first, end) in enumerate(spans := joined(places, bridge)):
            report(number / len(spans))
            try:
                registers.update(enumerate(self.read(first, end - first, table), first))
            except RegistersRefused as error:
                refusal = error
                for address, words in places:
                    if first <= address < end:
                        with contextlib.suppress(RegistersRefused):
                            registers.update(enumerate(self.read(address, words, table), address))
        if refusal is not None and not registers:
            raise refusal
        return registers


def _reason(error: Exception) -> str:
    """What went wrong, without pymodbus's name for it and its advice to programmers."""
    if isinstance(error, ssl.SSLError):
        return readable(error)
    text = str(error).removeprefix("Modbus Error: ").removeprefix("[Input/Output] ")
    if "unbounded read" in text or "Connection" in text:
        return "it closed the connection"
    return "no valid answer in 3 s" if "No response" in text else text


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


class _Secured(ModbusTcpClient):
    """By TLS; pymodbus's own leaves the header out (R-05) and does not look whose certificate it is shown."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port=port, timeout=_PATIENCE, retries=0)
        self._place, self._context = (host, port), context

    def connect(self) -> bool:
        """Connect; LinkError where it is TLS that does not come about, OSError where nobody is there."""
        if self.socket is not None:  # pymodbus asks before every request
            return True
        link = socket.create_connection(self._place, _PATIENCE)
        try:
            self.socket = self._context.wrap_socket(link, server_hostname=self._place[0])
        except OSError as error:
            raise LinkError(f"no TLS with {written(self._place)}: {readable(error)}") from None
        return True


@contextlib.contextmanager
def register_reader(
    host: str, port: int, unit: int, certificate: Path | None = None
) -> Iterator[RegisterReader]:
    """Connect to a server for a while, plain or by TLS as who a certificate says; LinkError if that is not possible."""
    if certificate is None or not certificate.name:  # an empty one is none
        client = ModbusTcpClient(host, port=port, timeout=_PATIENCE, retries=0)
    else:
        client = _Secured(host, port, context_as(certificate))
    try:
        try:
            connected = client.connect()  # type: ignore[no-untyped-call] # pymodbus leaves it open
        except (OSError, UnicodeError):  # UnicodeError: what can be no host's name
            connected = False
        if not connected:
            raise LinkError(f"nothing answers at {host}:{port}; is the gateway running there?")
        yield RegisterReader(client, f"{host}:{port} unit {unit}", unit)
    finally:
        client.close()  # type: ignore[no-untyped-call] # as above
