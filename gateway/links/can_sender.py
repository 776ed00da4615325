"""Frames out of the gateway: at their times, without waiting for a bus, and never late ones.

A SocketCAN socket is written directly. Any other interface may block, so that a thread of its own writes to it;
of each message one frame waits at most, and none longer than a period (R33). Orders come from `orders` when
they are needed, so that a frame says what holds as it leaves.
"""

import asyncio
import contextlib
import errno
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import can
import structlog

from gateway.canbus.frame import ERROR, EXTENDED, IDENTIFIER, Frame, identifier_text
from gateway.canbus.send import Transmitter
from gateway.links.clock import EARLY
from gateway.model.order import Orders

Ordered = Callable[[], Mapping[str, Orders]]
"Gives the orders of each container, as of the last cycle."
Write = Callable[[Frame], bool]
"Hands a frame to an interface; false where it takes none now."

_CLASSIC = struct.Struct("=IB3x8s")
_FD = struct.Struct("=IB3x64s")
_CLASSIC_SIZE = 8
_QUEUE = 1
"Bytes of send buffer asked for; the kernel gives its least, some 6 frames: all that can be late on a bus that was stuck."
_FULL = {errno.ENOBUFS, errno.EAGAIN}
_AGAIN = 0.002  # s until a full queue is tried again, where an order changed
_TRIES = 5
_LOOK = 0.5  # s at most between looks at the transmitter, which may have been set free
_PATIENCE = 0.1  # s that a frame may wait for a slow interface: the shortest usual period
_BUS_OFF = 0x40
_RESTARTED = 0x100
"Classes of error frames (linux/can/error.h)."

log = structlog.get_logger()


@dataclass(slots=True)
class SendState:
    """How sending is doing."""

    sent: int = 0
    dropped: int = 0
    "Frames that the interface did not take."


class CanSender:
    """What is sent on one bus, while its interface is open."""

    def __init__(self, bus: str, transmitter: Transmitter, orders: Ordered) -> None:
        self.transmitter = transmitter
        self.state = SendState()
        self.noted: Callable[[Frame], None] = lambda _: None
        "Called with every frame that was sent."
        self._bus, self._orders = bus, orders
        self._write: Write | None = None
        self._fail: Callable[[Exception], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._told: set[int] = set()
        "Ids of messages whose adapter failed, and was told of."

    def start(
        self, write: Write, loop: asyncio.AbstractEventLoop, fail: Callable[[Exception], None]
    ) -> None:
        """The interface is open: listen, then send; `fail` is told of a fault that ends that."""
        self._write, self._fail = write, fail
        self.transmitter.opened(loop.time())
        self._send_due(loop)

    def stop(self) -> None:
        """The interface is gone; nothing waits for it."""
        self._write = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heard(self, frame_key: int, now: float) -> None:
        """A frame came: it may be one of ours, from somebody else, or tell that the controller was off."""
        if frame_key & ERROR:
            if frame_key & (_BUS_OFF | _RESTARTED):
                self.transmitter.opened(now)
        elif self.transmitter.heard(frame_key, now):
            told = identifier_text(frame_key)
            log.error("duplicate_master", bus=self._bus, id=told, remedy="find who else sends it")

    def flush(self, tries: int = _TRIES) -> None:
        """Send at once what an order has changed; tried again soon where the queue is full."""
        if self._write is None:
            return
        loop = asyncio.get_running_loop()
        frames = self.transmitter.flush(loop.time(), self._orders())
        if not self._sent(frames) and tries > 1:
            loop.call_later(_AGAIN, self.flush, tries - 1)
        if self._write is not None:
            self._wait(loop)

    def _send_due(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._sent(self.transmitter.due(loop.time() + EARLY, self._orders()))
        except Exception as error:  # noqa: BLE001 - in a timer nobody hears of it: the link is told, and judges
            if self._fail is not None:
                self._fail(error)
            return
        self._tell_failures()
        if self._write is not None:
            self._wait(loop)

    def _tell_failures(self) -> None:
        for key, error in self.transmitter.failures().items():
            if key not in self._told:
                self._told.add(key)
                told = identifier_text(key)
                log.error("adapter_failed", bus=self._bus, id=told, error=repr(error))

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        now = loop.time()
        due = min(self.transmitter.next_due(now), now + _LOOK)
        self._timer = loop.call_at(due, self._send_due, loop)

    def _sent(self, frames: list[Frame]) -> bool:
        """Hand frames over; false where one was not taken."""
        taken = True
        for frame in frames:
            if self._write is None:
                return True
            if self._write(frame):
                self.state.sent += 1
                self.noted(frame)
            else:
                self.state.dropped += 1
                self.transmitter.lost(frame.key)
                taken = False
        return taken


def socket_writer(link: socket.socket, report: Callable[[Exception], None]) -> Write:
    """Writes to a SocketCAN socket that does not block; `report` is told what it refuses with."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _QUEUE)

    def write(frame: Frame) -> bool:
        data = frame.data
        layout = _CLASSIC if len(data) <= _CLASSIC_SIZE else _FD
        try:
            link.send(layout.pack(frame.key, len(data), data))
        except OSError as error:
            if error.errno not in _FULL:
                report(error)
            return False
        return True

    return write


class PortWriter:
    """Writes to any interface of python-can, in a thread."""

    def __init__(
        self, port: can.BusABC, loop: asyncio.AbstractEventLoop,
        report: Callable[[Exception], None],
    ) -> None:  # fmt: skip
        """`report` is told, in the loop, what the interface refuses with."""
        self._port, self._loop, self._report = port, loop, report
        self._waiting: dict[int, Frame] = {}
        "By id."
        self._some = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name="can-sender", daemon=True)

    def __enter__(self) -> Write:
        self._thread.start()
        return self._put

    def __exit__(self, *_: object) -> None:
        with self._some:
            self._ending = True
            self._waiting.clear()
            self._some.notify()
        self._thread.join(timeout=2)

    def _put(self, frame: Frame) -> bool:
        with self._some:
            self._waiting[frame.key] = frame
            self._some.notify()
        return True

    def _take(self) -> Frame | None:
        """The frame that waits longest; None at the end."""
        with self._some:
            self._some.wait_for(lambda: self._ending or self._waiting)
            if self._ending:
                return None
            return self._waiting.pop(next(iter(self._waiting)))

    def _run(self) -> None:
        while (frame := self._take()) is not None:
            if time.monotonic() - frame.time > _PATIENCE:
                continue
            try:
                self._port.send(_message(frame), timeout=0)
            except can.CanTimeoutError:
                continue
            except Exception as error:  # noqa: BLE001 - nobody else hears of it: the loop is told, and judges
                with contextlib.suppress(RuntimeError):  # the loop has ended before us
                    self._loop.call_soon_threadsafe(self._report, error)


def _message(frame: Frame) -> can.Message:
    """Our frame as python-can's message."""
    return can.Message(
        arbitration_id=frame.key & IDENTIFIER,
        is_extended_id=bool(frame.key & EXTENDED),
        data=frame.data,
        is_fd=len(frame.data) > _CLASSIC_SIZE,
        check=True,
    )
