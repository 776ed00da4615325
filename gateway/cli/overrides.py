"""Buses opened elsewhere than the site file says, for a bench or a laptop."""

import dataclasses
from collections.abc import Sequence

from gateway.errors import UsageError
from gateway.mapping.parts import Bus
from gateway.mapping.site import Site
from gateway.mapping.source import did_you_mean


def with_buses(site: Site, overrides: Sequence[str]) -> Site:
    """The site with BUS=INTERFACE:CHANNEL[,OPTION=VALUE...] put in place of its own; UsageError if one is malformed."""
    buses = dict(site.buses)
    for text in overrides:
        name, _, place = text.partition("=")
        place, *options = place.split(",")
        interface, colon, channel = place.partition(":")
        if not interface or not colon or not all("=" in option for option in options):
            raise UsageError(
                f"--bus is BUS=INTERFACE:CHANNEL[,OPTION=VALUE...], like can0=socketcan:vcan0; not '{text}'"
            )
        if name not in buses:
            raise UsageError(f"the site has no bus {name}; {did_you_mean(name, buses)}")
        given = dict(option.split("=", 1) for option in options)
        buses[name] = Bus(
            name, interface, channel, None, {key: _plain(value) for key, value in given.items()}
        )
    return dataclasses.replace(site, buses=buses)


def _plain(text: str) -> int | str:
    """A number where it is one: drivers of interfaces know the difference."""
    return int(text) if text.isdecimal() else text
