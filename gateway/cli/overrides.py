"""Buses opened elsewhere than the site file says, for a bench or a laptop."""

import dataclasses
from collections.abc import Sequence

from gateway.errors import UsageError
from gateway.mapping.site import Bus, Site
from gateway.mapping.source import did_you_mean


def with_buses(site: Site, overrides: Sequence[str]) -> Site:
    """The site with BUS=INTERFACE:CHANNEL put in place of its own; UsageError if one is malformed."""
    buses = dict(site.buses)
    for text in overrides:
        name, _, place = text.partition("=")
        interface, colon, channel = place.partition(":")
        if not interface or not colon:
            raise UsageError(
                f"--bus is BUS=INTERFACE:CHANNEL, like can0=socketcan:vcan0; not '{text}'"
            )
        if name not in buses:
            raise UsageError(f"the site has no bus {name}; {did_you_mean(name, buses)}")
        buses[name] = Bus(name, interface, channel, None, {})
    return dataclasses.replace(site, buses=buses)
