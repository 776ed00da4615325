"""The simulated racks of `simulated.bench`, with open contactors or closed ones."""

import cantools
import pytest
from cantools.database.can import Database
from simulated.bench import Bench

from gateway.mapping.library import installed


@pytest.fixture(scope="session")
def database() -> Database:
    """The demo protocol's database, by cantools."""
    loaded = cantools.database.load_file(installed() / "frames" / "demo-bmu.dbc")
    assert isinstance(loaded, Database)
    return loaded


@pytest.fixture
def bench(database: Database) -> Bench:
    """Two racks with open contactors on a dead bus."""
    return Bench(database)


@pytest.fixture
def closed(database: Database) -> Bench:
    """Two racks that are on the bus."""
    return Bench(database, closed=True)
