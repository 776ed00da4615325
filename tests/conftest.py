"""What all tests share: the corpus, and the program as a user runs it."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from gateway.mapping.library import Library

from program import Program
from tidiness import no_task_left_running, tidy

_CHECKOUT = Path(__file__).parent.parent
# Tests stop programs by Ctrl-C; who runs tests in the background has it ignored, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Wall times are reported, never asserted: no deadline.
settings.register_profile("default", deadline=None)
settings.register_profile("long", deadline=None, max_examples=5000)
settings.load_profile("default")

__all__ = ["no_task_left_running", "tidy"]
"Fixtures for all tests that live elsewhere."
CORPUS = Path(os.environ.get("ESSGW_CORPUS", _CHECKOUT.parent / "shared" / "corpus"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip by name what needs something that this machine does not have."""
    missing = {
        "corpus": None if CORPUS.is_dir() else "no corpus of captures here (ESSGW_CORPUS)",
        "socketcan": None if _has_socketcan() else "no SocketCAN interface vcan0 here",
    }
    for item in items:
        for mark, reason in missing.items():
            if reason and item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))


def _has_socketcan() -> bool:
    return Path("/sys/class/net/vcan0").exists()


@pytest.fixture
def corpus() -> Path:
    """The folder of captures and databases that no one here wrote."""
    return CORPUS


@pytest.fixture
def library() -> Library:
    """The search path with the corpus's databases."""
    return Library([CORPUS / "dbc" / name for name in ("redpesk-bms", "kona-ev", "foxbms")])


@pytest.fixture
def essgw(tmp_path: Path) -> Program:
    """Runs `essgw` in a folder of its own."""
    return Program(tmp_path)
