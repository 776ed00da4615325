"""Scenes for all scenarios."""

from pathlib import Path

import pytest

from gateway.mapping.library import Library

from scenes import Scene, StartScene


@pytest.fixture
def scene(library: Library, corpus: Path) -> StartScene:
    """Start a scene: a site's name, then `bus="file below can-logs"`."""

    def start(site: str, **logs: str) -> Scene:
        return Scene(library, site, [(bus, corpus / "can-logs" / log) for bus, log in logs.items()])

    return start
