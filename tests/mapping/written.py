"""Register maps written by a test, and pictures of a pack to show on them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from gateway.errors import MappingError
from gateway.mapping.image import Image, RegisterMap
from gateway.mapping.library import Library
from gateway.mapping.placing import compile_map
from gateway.mapping.registers import MapRows, load_map
from gateway.model.pack import Layout, Snapshot, Topology
from gateway.model.quality import Detail

SMALL = Layout(Topology(racks=3, modules=2, cells=5, sensors=2))
Numbers = float | list[float]


def text_of(*rows: str, **head: str) -> str:
    """A map file: a row a line from line 3 on, or later by the number of further heads."""
    lines = ["map: test", "version: 1.2.3"]
    lines += [f"{name}: {value}" for name, value in head.items()]
    return "\n".join([*lines, "registers:", *(f"  - {{{row}}}" for row in rows), ""])


def written(folder: Path, text: str) -> MapRows:
    """The map in a file of that text."""
    file = folder / "test.yaml"
    file.write_text(text)
    return load_map(Library(), str(file))


def compiled(folder: Path, *rows: str, layout: Layout = SMALL, **head: str) -> RegisterMap:
    """A map of some rows for a layout."""
    return compile_map(written(folder, text_of(*rows, **head)), layout).holding


def problems(folder: Path, text: str, layout: Layout = SMALL) -> list[str]:
    """What is wrong with a map, as `line:column: text`; the file must be named each time."""
    with pytest.raises(MappingError) as error:
        compile_map(written(folder, text), layout)
    file = f"{folder / 'test.yaml'}:"
    lines = str(error.value).splitlines()
    assert all(line.startswith(file) for line in lines)
    return [line.removeprefix(file) for line in lines]


def picture(
    values: Mapping[str, Numbers],
    quality: Mapping[str, Detail] | None = None,
    age: Mapping[str, Numbers] | None = None,
    layout: Layout = SMALL,
) -> Snapshot:
    """A snapshot of some points; those with a value are good and fresh unless something else is said."""
    vector = np.full(layout.elements, np.nan)
    codes = np.full(layout.elements, Detail.NEVER_SEEN, np.uint8)
    ages = np.full(layout.elements, np.inf)
    for name, value in values.items():
        vector[layout.slices[name]] = value
        codes[layout.slices[name]] = Detail.NONE
        ages[layout.slices[name]] = 0.0
    for name, code in (quality or {}).items():
        codes[layout.slices[name]] = code
    for name, seconds in (age or {}).items():
        ages[layout.slices[name]] = seconds
    return Snapshot(layout, 0.0, vector, codes, ages, np.zeros(layout.elements, np.bool_))


def words(image: Image, address: int, count: int = 1) -> list[int]:
    """Registers of an image."""
    part = image.data[2 * address : 2 * (address + count)]
    return [int.from_bytes(part[at : at + 2], "big") for at in range(0, len(part), 2)]
