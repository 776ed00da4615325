"""Modbus clients of Node.js, each behind a pipe (`node/peer.js`)."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "node"


@dataclass(frozen=True)
class Answer:
    """What a client made of an answer, or why there is none."""

    data: object = None
    "Values or objects; None after a write."
    rest: dict[str, object] = field(default_factory=dict)
    "What else it tells."
    code: int | None = None
    "Of a refusal that is an exception of Modbus."
    text: str = ""

    def values(self, count: int) -> Sequence[int]:
        """So many values; bits are filled up to bytes, with zeros."""
        assert isinstance(self.data, list), self
        assert len(self.data) - count in range(8)
        assert not any(self.data[count:])
        return [int(value) for value in self.data[:count]]


class NodePeer:
    """A connected client."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, method: str, *arguments: object) -> Answer:
        """Call a method of the client."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([method, *arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the client ended"
        told = json.loads(line)
        if "refusal" in told:
            return Answer(code=told["refusal"].get("code"), text=told["refusal"]["text"])
        result = told["result"]
        return Answer(result.pop("data", None), result)


@contextlib.contextmanager
def node_peer(name: str, port: int, unit: int = 1) -> Iterator[NodePeer]:
    """A client by its package's name; skips where it is not installed."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not (FOLDER / "node_modules" / name).is_dir():
        pytest.skip(f"{name} is not installed: npm install, in tests/interop/node")
    with subprocess.Popen(
        ["node", str(FOLDER / "peer.js"), name, str(port), str(unit)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        yield NodePeer(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0
