"""python-can's messages as ours."""

import can

from gateway.canbus.frame import ERROR, EXTENDED, REMOTE


def message_key(message: can.Message) -> int:
    """The identifier of a message with SocketCAN's flags."""
    key = message.arbitration_id | (EXTENDED if message.is_extended_id else 0)
    key |= REMOTE if message.is_remote_frame else 0
    return key | (ERROR if message.is_error_frame else 0)
