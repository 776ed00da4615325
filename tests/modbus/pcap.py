"""What clients sent to port 502 in a capture: classic pcap files of Ethernet, IPv4 and TCP."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PORT = 502
_FILE_HEADER, _PACKET_HEADER = 24, 16
_ETHERNET, _IPV4, _TCP = 14, b"\x08\x00", 6
_SYN = 2


class Segment(NamedTuple):
    """A piece of a client's stream."""

    client: tuple[bytes, int]
    sequence: int
    opens: bool
    data: bytes


def streams(file: Path) -> list[list[bytes]]:
    """The pieces that each connection's client sent, in order, without retransmissions."""
    found: list[list[bytes]] = []
    current: dict[tuple[bytes, int], tuple[set[int], list[bytes]]] = {}
    for segment in _segments(file.read_bytes()):
        if segment.opens or segment.client not in current:
            current[segment.client] = set(), []
            found.append(current[segment.client][1])
        seen, pieces = current[segment.client]
        if segment.data and segment.sequence not in seen:
            seen.add(segment.sequence)
            pieces.append(segment.data)
    return [pieces for pieces in found if pieces]


def _segments(capture: bytes) -> Iterator[Segment]:
    order = "<" if capture[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    at = _FILE_HEADER
    while at < len(capture):
        (length,) = struct.unpack_from(f"{order}I", capture, at + 8)
        packet = capture[at + _PACKET_HEADER : at + _PACKET_HEADER + length]
        at += _PACKET_HEADER + length
        if packet[12:14] == _IPV4 and packet[_ETHERNET + 9] == _TCP:
            segment = _segment(packet[_ETHERNET:])
            if segment is not None:
                yield segment


def _segment(packet: bytes) -> Segment | None:
    """The TCP segment in an IP packet, if it goes to the Modbus port."""
    (total,) = struct.unpack_from(">H", packet, 2)
    segment = packet[4 * (packet[0] & 0xF) : total]
    source, target, sequence = struct.unpack_from(">HHI", segment)
    if target != PORT:
        return None
    data = segment[4 * (segment[12] >> 4) :]
    return Segment((packet[12:16], source), sequence, bool(segment[13] & _SYN), data)
