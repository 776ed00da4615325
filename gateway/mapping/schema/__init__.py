"""The file formats: what may stand in a site, a frame file and a register map.

The only package that knows pydantic. A file is checked against its model as a whole; every deviation is
reported at its line and column, in our words. Cross references are checked where they are used.
"""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from gateway.mapping.deviation import Deviation, report
from gateway.mapping.schema.frames import FrameFile
from gateway.mapping.schema.pcs import PcsFile
from gateway.mapping.schema.registers import MapFile
from gateway.mapping.schema.site import SiteFile
from gateway.mapping.source import Location, Source

__all__ = ["FrameFile", "MapFile", "PcsFile", "SiteFile", "load"]

File = TypeVar("File", SiteFile, FrameFile, MapFile, PcsFile)


def load(source: Source, model: type[File]) -> File:
    """A file's data as its model; MappingError with all deviations."""
    try:
        return model.model_validate(source.data)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            known = _fields(model, item["loc"][:-1])
            place = tuple(part for part in item["loc"] if not str(part).startswith("="))
            deviation = Deviation(place, item["type"], item["msg"], item.get("ctx", {}), known)
            report(source, deviation)
    source.stop()
    raise AssertionError("a model refused a file without a reason")


def _fields(model: type[BaseModel], loc: Location) -> list[str]:
    """The keys that are known at a location, as far as it can be followed."""
    for part in loc:
        info = model.model_fields.get(part) if isinstance(part, str) else None
        if info is None:
            continue
        inner = [info.annotation, *_parts(info.annotation)]
        models = [kind for kind in inner if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not models:
            return []
        model = models[0]
    return list(model.model_fields)


def _parts(annotation: object) -> list[object]:
    """The types inside a generic type, to any depth."""
    inside = list(getattr(annotation, "__args__", ()))
    return inside + [part for item in inside for part in _parts(item)]
