"""A CAN bus between processes: a small server of the socketcand protocol, for python-can's client at each end.

Each frame that one participant sends reaches all others, as on a wire; `cut` keeps it from everybody.
"""

import contextlib
import re
import socket
import threading
import time

_SENT = re.compile(r"< send ([0-9A-F]+) ([0-9A-F]+) ?([0-9a-f ]*) >")


class Hub:
    """The bus; listens on a free port of the loopback."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.cut = False
        self._lock = threading.Lock()
        self._links: list[socket.socket] = []
        self._participants: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def place(self) -> str:
        """How `--bus can0=` names it."""
        return f"socketcand:can0,host=127.0.0.1,port={self.port}"

    def close(self) -> None:
        """Everybody is off the bus."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        for link in self._links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._server.accept()
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._links.append(link)
                self._threads.append(threading.Thread(target=self._serve, args=(link,)))
                self._threads[-1].start()

    def _serve(self, link: socket.socket) -> None:
        rest = ""
        with link, contextlib.suppress(OSError):
            link.sendall(b"< hi >")
            while data := link.recv(4096):
                *lines, rest = (rest + data.decode("ascii")).split(">")
                for line in lines:
                    self._take(link, line.strip() + " >")
        with self._lock, contextlib.suppress(ValueError):
            self._participants.remove(link)

    def _take(self, link: socket.socket, line: str) -> None:
        if line.startswith(("< open", "< rawmode")):
            link.sendall(b"< ok >")
            if "rawmode" in line:
                with self._lock:
                    self._participants.append(link)
        elif (found := _SENT.fullmatch(line)) is not None and not self.cut:
            data = "".join(byte.rjust(2, "0") for byte in found[3].split())
            told = f"< frame {found[1]} {time.time():.6f} {data} >".encode()
            with self._lock:
                for other in self._participants:
                    if other is not link:
                        with contextlib.suppress(OSError):
                            other.sendall(told)
