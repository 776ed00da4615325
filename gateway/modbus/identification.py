"""Who answers: device identification, function 43 with MEI type 14 (APP V1.1b3 clause 6.21).

Objects 0 to 2 are basic, 3 to 6 regular; there are no others. A stream that does not fit into a PDU goes on
with the object that the answer names; an object is never cut.
"""

from collections.abc import Mapping

from gateway.modbus.bank import Code, Refused

_BASIC, _REGULAR, _EXTENDED, _ONE = 1, 2, 3, 4
_LEVEL = 0x82
"Regular objects, as a stream and one by one."
_LAST = {_BASIC: 2, _REGULAR: 6, _EXTENDED: 6}
"The last object of a level; who asks for more than there is gets all there is."
_ROOM = 246
"Bytes for objects in a PDU."
_LONGEST = 244
"Of one object."
_MORE = 0xFF


def identified(objects: Mapping[int, str], code: int, first: int) -> bytes:
    """What follows the code in the response: level, whether there is more, what comes next, objects.

    objects: ASCII by object id, in order. Refused with 3 for a code that does not exist, with 2 for an object
    that does not, where it is asked for alone; a stream that begins at such a one begins at 0.
    """
    if not _BASIC <= code <= _ONE:
        raise Refused(Code.ILLEGAL_VALUE)
    if code == _ONE:
        if first not in objects:
            raise Refused(Code.ILLEGAL_ADDRESS)
        return bytes((_LEVEL, 0, 0, 1)) + _object(first, objects[first])
    wanted = [number for number in objects if number <= _LAST[code]]
    left = wanted[wanted.index(first) if first in wanted else 0 :]
    told, count = b"", 0
    for number in left:
        one = _object(number, objects[number])
        if len(told) + len(one) > _ROOM:
            return bytes((_LEVEL, _MORE, number, count)) + told
        told, count = told + one, count + 1
    return bytes((_LEVEL, 0, 0, count)) + told


def _object(number: int, text: str) -> bytes:
    data = text.encode("ascii", "replace")[:_LONGEST]
    return bytes((number, len(data))) + data
