"""What deviates from a file format, told at its place and in our words."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from gateway.mapping.source import Location, Source, did_you_mean


class Deviation(NamedTuple):
    """One deviation, as the models find it."""

    at: Location
    "May hold parts that are not in the file, where several forms were tried."
    kind: str
    message: str
    context: Mapping[str, object]
    "What the message speaks of, such as a bound."
    known: Collection[str]
    "The keys that could stand there."


_WORDS = {
    "missing": "'{name}' is missing",
    "string_type": "'{name}' must be text",
    "int_type": "'{name}' must be a whole number",
    "float_type": "'{name}' must be a number",
    "bool_type": "'{name}' must be true or false",
    "list_type": "'{name}' must be a list",
    "dict_type": "'{name}' must be a mapping",
    "model_type": "'{name}' must be a mapping",
    "model_attributes_type": "'{name}' must be a mapping",
    "literal_error": "'{name}' must be {expected}",
    "greater_than": "'{name}' must be greater than {gt}",
    "greater_than_equal": "'{name}' must be at least {ge}",
    "less_than_equal": "'{name}' must be at most {le}",
    "string_pattern_mismatch": "'{name}' must be {pattern}",
    "too_short": "'{name}' has too few entries",
    "too_long": "'{name}' has too many entries",
}


NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
ADDRESS = r"^.+:\d{1,5}$"
LISTEN = r"^(.+:\d{1,5}|/.+)$"
DIGEST = "^[0-9a-f]{64}$"
VERSION = r"^\d+\.\d+\.\d+$"
PATTERNS = {
    NAME: "a name of letters, digits, dots, dashes and underscores",
    ADDRESS: "HOST:PORT, like 0.0.0.0:5020",
    LISTEN: "HOST:PORT, like 0.0.0.0:5020, or a serial line, like /dev/ttyUSB0",
    DIGEST: "64 hexadecimal digits",
    VERSION: "a version of three numbers, like 1.0.0",
}
"What texts must look like, and how that is said."


def report(source: Source, deviation: Deviation) -> None:
    """Note a deviation as a problem of the file."""
    at, kind = _written(source, deviation.at), deviation.kind
    name = at[-1] if at else "the file"
    if kind == "extra_forbidden":
        near = did_you_mean(str(name), deviation.known)
        source.report(at, f"'{name}' is not known here", near, key=True)
    elif kind == "missing":
        absent = deviation.at[-1]
        source.report(at, _WORDS[kind].format(name=absent))
    elif len(at) < len(deviation.at):
        source.report(at, f"'{name}' has a form that is not known here")
    else:
        words = _WORDS.get(kind, "'{name}': {message}")
        message, context = deviation.message.lower(), dict(deviation.context)
        context["pattern"] = PATTERNS.get(str(context.get("pattern")), "of another form")
        source.report(at, words.format(name=name, message=message, **context))


def _written(source: Source, loc: Location) -> Location:
    """The longest part of a location that stands in the file (unions add parts of their own)."""
    at: Location = ()
    for part in loc:
        if (*at, part) in source.values:
            at = (*at, part)
    return at
