"""The command line: one file a verb; further verbs come in by entry point `essgw.commands`."""

import importlib.metadata
import logging
from collections.abc import Callable
from typing import Annotated

import typer

import gateway
from gateway.cli import (
    alarms,
    apply,
    cert,
    check,
    decode,
    events,
    lease,
    maps,
    read,
    replay,
    run,
    why,
    write,
)
from gateway.cli.screen import complain, err
from gateway.errors import GatewayError

_ENTRY_POINTS = "essgw.commands"


def application() -> typer.Typer:
    """The program with all its verbs."""
    program = typer.Typer(
        name="essgw",
        help="Battery container gateway: BMU CAN frames in, Modbus TCP registers out.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    program.callback()(about)
    program.command("run")(run.run)
    program.command("check")(check.check)
    program.command("apply")(apply.apply)
    program.command("replay")(replay.replay)
    program.command("decode")(decode.decode)
    program.command("read")(read.read)
    program.command("write")(write.write)
    program.command("why")(why.why)
    program.command("lease")(lease.lease)
    program.command("alarms")(alarms.alarms)
    program.command("events")(events.events)
    program.command("cert")(cert.cert)
    program.add_typer(maps.verbs, name="map")
    for point in sorted(importlib.metadata.entry_points(group=_ENTRY_POINTS), key=lambda e: e.name):
        try:
            verb: Callable[..., None] = point.load()
        except (ImportError, AttributeError) as error:
            err.print(f"essgw {point.name} is not available: {error}", style="yellow", markup=False)
            continue
        program.command(point.name)(verb)
    return program


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    if wanted:
        typer.echo(gateway.__version__)
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version."),
]


def about(*, version: VersionOption = False) -> None:
    """Battery container gateway: BMU CAN frames in, Modbus TCP registers out."""


def run_verb() -> int:
    """Run `essgw` to its exit status; what goes wrong on purpose is told in a line a problem."""
    for library in ("cantools", "can"):
        logging.getLogger(library).setLevel(logging.CRITICAL)  # what matters of it is told by us
    try:
        application()(prog_name="essgw")
    except GatewayError as error:
        complain(error)
        return error.exit_status
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
