"""A CAN bus that is received from, and sent to, for as long as the gateway runs, whatever happens to it.

Any python-can interface works; on SocketCAN the socket is drained directly, many frames a wake-up. An
interface that is absent, goes down, is unplugged or brings nonsense is reported, closed and opened again
with a growing pause; nothing of that ends the gateway.
"""

import asyncio
import contextlib
import errno
import socket
import struct
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import can
import structlog
from can.interfaces.socketcan import SocketcanBus

from gateway.canbus.frame import ERROR, Frame
from gateway.canbus.send import Transmitter
from gateway.errors import LinkError
from gateway.links.can_sender import CanSender, Ordered, PortWriter, socket_writer
from gateway.links.message import message_key
from gateway.mapping.parts import Bus

Deliver = Callable[[str, Frame], None]

_BATCH = 256
"Frames taken from a socket before other work gets its turn."
_BACKLOG = 4 << 20
"Bytes of receive buffer asked for: about 130 ms of four full 1 Mbit/s buses."
_LINE = 65536
"Frames that may wait for the loop; the oldest give way, as they would in a socket."
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
_CLASSIC = struct.Struct("=IB3x8s")
_FD_SIZE = 72
_SO_RCVBUFFORCE = 33
_LISTEN_ONLY = {"slcan", "vector", "nixnet"}
"Interfaces whose drivers know the option `listen_only` themselves."
_REFUSED = {errno.EINVAL, errno.EMSGSIZE}
"What a socket says to a frame that it cannot send; receiving goes on."

_REMEDIES = {
    errno.ENODEV: "there is no such interface; `ip link show type can` lists them",
    errno.ENETDOWN: "bring it up with `ip link set <interface> up`",
    errno.EAFNOSUPPORT: "this kernel has no SocketCAN; try `modprobe can_raw`",
    errno.EPERM: "this needs CAP_NET_ADMIN or root",
}

INTERFACES = frozenset(can.VALID_INTERFACES)
"The names of python-can's interfaces."
_OF_THE_PLANT = (can.CanError, OSError, ValueError)
"What an interface that is absent, lost or noisy raises; anything else is a fault of its driver."

log = structlog.get_logger()


@dataclass(slots=True)
class LinkState:
    """How a link is doing."""

    up: bool = False
    opened: int = 0
    errors: int = 0
    last_error: str = ""


class CanLink:
    """One bus, opened and supervised."""

    def __init__(
        self, bus: Bus, deliver: Deliver, transmitter: Transmitter | None = None,
        orders: Ordered = dict,
    ) -> None:  # fmt: skip
        """`orders` gives what each container's BMUs are to be told, whenever something is due."""
        self.bus = bus
        self.state = LinkState()
        self.sender: CanSender | None = None
        if transmitter is not None and transmitter.keys:
            transmitter.off = transmitter.off or bool(bus.options.get("listen_only"))
            self.sender = CanSender(bus.name, transmitter, orders)
        self._deliver = deliver
        self._failed: asyncio.Future[None] | None = None
        self._heard = False
        "Whether a frame has come since the interface was opened."

    async def run(self) -> None:
        """Receive until cancelled; LinkError only where the configuration can never work."""
        trouble = 0
        while True:
            try:
                port = await asyncio.to_thread(open_bus, self.bus)
            except _OF_THE_PLANT as error:
                self.report("bus_not_opened", error)
            else:
                self.state.up, self._heard = True, False
                self.state.opened += 1
                log.info("bus_opened", bus=self.bus.name, interface=self.bus.interface)
                try:
                    await self._received(port)
                except _OF_THE_PLANT as error:
                    self.report("bus_lost", error)
                finally:
                    self.state.up = False
                    with contextlib.suppress(can.CanError, OSError):
                        await asyncio.to_thread(port.shutdown)
                trouble = 0 if self._heard else trouble
            await asyncio.sleep(_PAUSES[min(trouble, len(_PAUSES) - 1)])
            trouble += 1

    def flush(self) -> None:
        """Send at once what an order has changed, out of turn; for the loop's thread."""
        if self.sender is not None:
            self.sender.flush()

    def report(self, event: str, error: Exception) -> None:
        """Count an error, and tell it unless it was told last."""
        self.state.errors += 1
        reason = str(error) or type(error).__name__
        if not isinstance(error, _OF_THE_PLANT):
            last = traceback.extract_tb(error.__traceback__)[-1:]
            reason = f"{type(error).__name__}: {error}" + "".join(
                f" ({place.filename}:{place.lineno})" for place in last
            )
        if isinstance(error, OSError) and error.errno in _REMEDIES:
            reason += f": {_REMEDIES[error.errno]}"
        if reason != self.state.last_error or event == "bus_lost":
            log.warning(event, bus=self.bus.name, interface=self.bus.interface, reason=reason)
        self.state.last_error = reason

    async def _received(self, port: can.BusABC) -> None:
        """Receive until the interface fails, then raise what it said."""
        loop = asyncio.get_running_loop()
        self._failed = loop.create_future()
        with contextlib.ExitStack() as stack:
            if isinstance(port, SocketcanBus):
                stack.enter_context(self._draining(port.socket, loop))
            else:
                stack.enter_context(_Pump(port, loop, self._take, self._fail))
            if self.sender is not None:
                if isinstance(port, SocketcanBus):
                    write = socket_writer(port.socket, self._not_sent)
                else:
                    write = stack.enter_context(PortWriter(port, loop, self._not_sent))
                stack.callback(self.sender.stop)
                self.sender.start(write, loop, self._fail)
            await self._failed

    def _take(self, frame: Frame) -> None:
        self._heard = True
        if self.sender is not None:
            self.sender.heard(frame.key, frame.time)
        self._deliver(self.bus.name, frame)

    def _not_sent(self, error: Exception) -> None:
        """The interface refused a frame: it is gone, or only cannot send this."""
        if isinstance(error, OSError) and error.errno not in _REFUSED:
            self._fail(error)
        else:
            self.report("not_sent", error)

    @contextlib.contextmanager
    def _draining(self, link: socket.socket, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Take frames straight from a CAN socket whenever there are some."""
        link.settimeout(0)
        try:
            link.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BACKLOG)
        except OSError:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BACKLOG)
        loop.add_reader(link.fileno(), self._drain, link, loop)
        try:
            yield
        finally:
            loop.remove_reader(link.fileno())

    def _drain(self, link: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        now, name, deliver, sender = loop.time(), self.bus.name, self._deliver, self.sender
        own = sender.transmitter.keys if sender is not None else ()
        receive, unpack = link.recv, _CLASSIC.unpack_from
        try:
            for _ in range(_BATCH):
                packet = receive(_FD_SIZE)
                key, size, data = unpack(packet)
                if size > 8:  # noqa: PLR2004 - an FD frame
                    data = packet[8:]
                if sender is not None and (key in own or key & ERROR):
                    sender.heard(key, now)
                deliver(name, Frame(now, key, data[:size]))
                self._heard = True
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)


class _Pump:
    """A thread that waits for an interface without a socket, and hands its frames to the loop."""

    def __init__(
        self, port: can.BusABC, loop: asyncio.AbstractEventLoop,
        deliver: Callable[[Frame], None], fail: Callable[[Exception], None],
    ) -> None:  # fmt: skip
        self._port, self._loop, self._deliver, self._fail = port, loop, deliver, fail
        self._waiting: deque[can.Message] = deque(maxlen=_LINE)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._receive, name="can-pump", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(timeout=2)

    def _receive(self) -> None:
        """In the thread: put frames into the line, calling for `_take` when it was empty."""
        try:
            while not self._ending.is_set():
                message = self._port.recv(0.1)
                if message is None:
                    continue
                self._waiting.append(message)
                if len(self._waiting) == 1:
                    self._loop.call_soon_threadsafe(self._take)
        except Exception as error:  # noqa: BLE001 - nobody else hears of it: the loop is told, and judges
            with contextlib.suppress(RuntimeError):  # the loop has ended before us
                self._loop.call_soon_threadsafe(self._fail, error)

    def _take(self) -> None:
        """In the loop: deliver what waits; leaves only with nothing waiting, or with itself due again."""
        now = self._loop.time()
        try:
            for _ in range(min(_BATCH, len(self._waiting))):
                self._deliver(frame_of(self._waiting.popleft(), now))
        finally:
            if self._waiting:
                self._loop.call_soon(self._take)


def open_bus(bus: Bus) -> can.BusABC:
    """A bus of a site, opened; LinkError where its configuration can never work."""
    options: dict[str, Any] = {**bus.options}  # python-can's keywords differ by interface
    options.pop("receive_own_messages", None)  # an echo is no other master
    if bus.interface not in _LISTEN_ONLY:
        options.pop("listen_only", None)
    if bus.bitrate is not None:
        options["bitrate"] = bus.bitrate
    try:
        return can.Bus(channel=bus.channel, interface=bus.interface, ignore_config=True, **options)
    except NameError:  # what python-can says where a maker's library did not load
        text = f"bus {bus.name}: interface '{bus.interface}': its driver is not installed here"
        raise LinkError(text) from None
    except (NotImplementedError, TypeError, ImportError) as error:
        raise LinkError(f"bus {bus.name}: interface '{bus.interface}': {error}") from None


def frame_of(message: can.Message, time: float) -> Frame:
    """A python-can message as our frame."""
    return Frame(time, message_key(message), bytes(message.data))
