"""Layouts of what the link's parts hand to one another."""

from amaranth.lib import data, enum

from crossloop.protocol.frames import CRC, REPLY_HEADER, REQUEST_HEADER

REQUEST_OVERHEAD = REQUEST_HEADER.size + CRC.size
"""Bytes of a request frame beside its payload."""

REPLY_OVERHEAD = REPLY_HEADER.size + CRC.size
"""Bytes of a reply frame beside its payload."""


class RequestHeader(data.Struct):
    """First bytes of a frame of the host, as in `crossloop.protocol.frames.REQUEST_HEADER`."""

    kind: 8
    reserved: 8
    length: 16
    sequence: 32


class ReplyHeader(data.Struct):
    """First bytes of a frame of the device, as in `crossloop.protocol.frames.REPLY_HEADER`."""

    kind: 8
    status: 8
    length: 16
    sequence: 32
    credit: 16
    detail: 16


assert RequestHeader.as_shape().size == 8 * REQUEST_HEADER.size
assert ReplyHeader.as_shape().size == 8 * REPLY_HEADER.size


class ReplyInfo(data.Struct):
    """What the reply cache keeps of a reply beside its payload."""

    status: 8
    detail: 16
    length: 16


class NoticeKind(enum.Enum, shape=2):
    """What is to be sent."""

    REPLY = 0
    """The reply in a slot of the cache."""
    IDENTITY = 1
    REFUSAL = 2
    STOPPED = 3
    """Waits until the pulse gates are off."""


class Notice(data.Struct):
    """A frame that is to be sent, as it waits in the transmit queue."""

    kind: NoticeKind
    status: 8
    """Of a REFUSAL."""
    sequence: 32
    """The frame's sequence field; of a REPLY, it also tells the slot."""


SLOT_BITS = 3
"""Width of a slot number; builds have up to 8 slots."""
