"""`essgw lease`: taken, shown, held and given back, seen from registers by a foreign client."""

import json
import re
import time

from operated import held, operated, registers

from program import Program

OWNER, REMAINING, HEARTBEAT = 87, 88, 4


def test_the_lease_is_taken_shown_and_given_back(essgw: Program) -> None:
    """R7: who has it and for how long; a second release is a refusal with a reason."""
    with operated(essgw) as server:
        nobody = essgw("lease", server).stdout
        taken = essgw("lease", server, "120").stdout
        owner, remaining = registers(server, OWNER, 2)
        told = json.loads(essgw("lease", server, "--json").stdout)
        released = essgw("lease", server, "release").stdout
        left = registers(server, OWNER, 2)
        again = essgw("lease", server, "release", status=4).stderr

    assert "nobody has the lease" in nobody
    assert re.search(r"master 2 of the site has the lease, 1[12]\d s left", taken)
    assert (owner, 100 < remaining <= 120) == (2, True)
    assert told["lease_owner"] == 2
    assert "nobody has the lease" in released
    assert left == [0, 0]
    assert "5 position reached" in again


def test_a_lease_that_is_held_has_a_heartbeat(essgw: Program) -> None:
    """R8: the heartbeat changes each second, the lease is renewed; Ctrl-C gives it back at once."""
    with operated(essgw) as server:
        with held(essgw, server):
            beats, end = set[int](), time.monotonic() + 60
            while len(beats) < 4 and time.monotonic() < end:
                beats.add(registers(server, HEARTBEAT, 1)[0])
            owner, remaining = registers(server, OWNER, 2)
        after = registers(server, OWNER, 1)

    assert len(beats) == 4
    assert (owner, remaining >= 8) == (2, True)
    assert after == [0]


def test_what_cannot_be_meant_is_told(essgw: Program) -> None:
    """Terms that are none; a term that the gateway does not take."""
    assert (
        "'soon' is neither whole seconds, from 1, nor 'release'"
        in essgw("lease", "127.0.0.1:1", "soon", status=2).stderr
    )
    assert (
        "cannot release it as well"
        in essgw("lease", "127.0.0.1:1", "release", "--hold", status=2).stderr
    )
    assert "nothing answers at 127.0.0.1:1" in essgw("lease", "127.0.0.1:1", status=4).stderr
