"""A serial line with Modbus RTU: what comes between two silences is a frame, and is answered in the next one.

MODBUS over serial line V1.02, clause 2.5.1.1: frames are apart by 3.5 characters at least. A driver or a USB
adapter passes bytes on in pieces, so the line says what silence is where 5 ms are too little for it. A line that
fails, or is not there yet, is tried again each second.
"""

import asyncio
import os
import termios
from collections.abc import Mapping

import structlog

from gateway.links.service import Service
from gateway.mapping.listeners import Line, Parity
from gateway.modbus.functions import WRITES
from gateway.modbus.rtu import MAX_FRAME, answered, is_whole
from gateway.modbus.session import Session
from gateway.model.command import NOBODY

_CHUNK = 4096
_AGAIN = 1.0  # s
_ERROR = 0x80
"The bit in an exception's function code."
_CFLAG = termios.CS8 | termios.CREAD | termios.CLOCAL
_PARITY: Mapping[Parity, int] = {
    Parity.EVEN: termios.PARENB, Parity.ODD: termios.PARENB | termios.PARODD, Parity.NONE: 0,
}  # fmt: skip
_SETTINGS: Mapping[str, int] = {
    "parity": termios.PARENB | termios.PARODD, "stop_bits": termios.CSTOPB,
}  # fmt: skip
"What a driver may not be able to do, and leave as it is."
_REMEDY = (
    "the driver does not do what was asked; masters must use what it does, or take another adapter"
)

log = structlog.get_logger()


class SerialServer:
    """The server on one line."""

    def __init__(self, service: Service, line: Line) -> None:
        self._service, self._line = service, line
        self._path, self._file = "", -1
        self._loop = asyncio.get_running_loop()
        self._session = Session(
            service.master("", None) or NOBODY,
            self._loop.time,
            is_read_only=service.rules.is_read_only,
        )
        self._traffic = service.counts.begin(self._session.origin.name, "", "")
        self._heard, self._sent, self._turn = bytearray(), b"", 0
        "What came since the last silence, what was answered last, and how often the line spoke."
        self._due: asyncio.TimerHandle | None = None
        self._retry: asyncio.TimerHandle | None = None

    def start(self, path: str) -> None:
        """Open a line, now or as soon as it is there: TCP and CAN are served meanwhile."""
        self._path = self._traffic.at = path
        try:
            self._open()
        except (OSError, termios.error) as error:
            self._missing(os.strerror(error.args[0]) if error.args else str(error))

    def _missing(self, reason: str) -> None:
        remedy = "it is tried again each second"
        log.error("line_missing", path=self._path, reason=reason, remedy=remedy)
        self._retry = self._loop.call_later(_AGAIN, self._again)

    @property
    def is_open(self) -> bool:
        """Whether it is served now."""
        return self._file >= 0

    def _open(self) -> None:
        """Open it with its settings; OSError or termios.error if that is not possible."""
        line = self._line
        file = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            speed = getattr(termios, f"B{line.baud}")
            stops = termios.CSTOPB if line.stop_bits == 2 else 0  # noqa: PLR2004 - the other choice
            flags = _CFLAG | _PARITY[line.parity] | stops
            check = termios.INPCK | termios.IGNPAR
            special = [b"\0"] * len(termios.tcgetattr(file)[6])
            termios.tcsetattr(file, termios.TCSANOW, [check, 0, flags, 0, speed, speed, special])
            termios.tcflush(file, termios.TCIOFLUSH)
            granted = termios.tcgetattr(file)
        except BaseException:
            os.close(file)
            raise
        self._file, self._heard = file, bytearray()
        self._loop.add_reader(file, self._readable)
        self._told(flags, speed, granted[2], granted[5])

    def _told(self, flags: int, speed: int, granted: int, granted_speed: int) -> None:
        """Tell that it is open, and what the driver does not do of what was asked: tcsetattr is content with a part."""
        if not self._service.ration.allows(self._path, self._loop.time()):
            return
        units = sorted(self._service.units)
        log.info("line_opened", path=self._path, baud=self._line.baud, units=units)
        refused = [name for name, mask in _SETTINGS.items() if (flags ^ granted) & mask]
        refused += ["baud"] if speed != granted_speed else []
        if refused:
            log.warning("line_settings_refused", path=self._path, settings=refused, remedy=_REMEDY)

    def _readable(self) -> None:
        try:
            data = os.read(self._file, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error.strerror or str(error))
            return
        if not data:
            self._lost("it is gone")
            return
        self._heard += data
        del self._heard[: -2 * MAX_FRAME]
        self._turn += 1
        if self._due is not None:
            self._due.cancel()
        self._due = self._loop.call_later(self._line.silence, self._silent)

    def _silent(self) -> None:
        """The line is quiet: what was heard is a frame, if it is whole."""
        frame, self._heard, self._due = bytes(self._heard), bytearray(), None
        sent, self._sent = self._sent, b""
        if self._line.echoes and sent and frame.startswith(sent):
            frame = frame[len(sent) :]
            if not frame:
                return
        if not is_whole(frame):
            self._service.counts.damaged += 1
            return
        if frame[1] & _ERROR:
            return  # nobody asks with an exception: it is somebody's answer
        self._service.look(self._session.clock())
        response = answered(self._service.units, frame, self._session)
        self._count(frame, response)
        turn = self._turn
        if not self._service.settle(lambda: self._write(response, turn)):
            self._write(response, turn)

    def _count(self, frame: bytes, response: bytes) -> None:
        """A request was for us: one of our units, or all."""
        unit, traffic = frame[0], self._traffic
        if unit and unit not in self._service.units:
            return
        traffic.requests += 1
        traffic.writes += frame[1] in WRITES
        traffic.exceptions += bool(response) and bool(response[1] & _ERROR)
        traffic.unanswered += not response
        traffic.heard = self._loop.time()

    def _write(self, response: bytes, turn: int) -> None:
        """Answer, unless something was heard since: it would be taken for the answer to that."""
        if not response or self._file < 0 or turn != self._turn:
            return
        try:
            os.write(self._file, response)
            self._sent = response
        except BlockingIOError:
            log.warning("line_full", path=self._path)
        except OSError as error:
            self._lost(error.strerror or str(error))

    def _lost(self, reason: str) -> None:
        if self._service.ration.allows(self._path, self._loop.time()):
            log.error("line_lost", path=self._path, reason=reason)
        self._close()
        self._retry = self._loop.call_later(_AGAIN, self._again)

    def _again(self) -> None:
        try:
            self._open()
        except (OSError, termios.error):
            self._retry = self._loop.call_later(_AGAIN, self._again)

    def _close(self) -> None:
        if self._due is not None:
            self._due.cancel()
        if self._file >= 0:
            self._loop.remove_reader(self._file)
            os.close(self._file)
        self._file, self._heard, self._turn = -1, bytearray(), self._turn + 1

    async def stop(self) -> None:
        """Let go of the line."""
        if self._retry is not None:
            self._retry.cancel()
        self._close()
