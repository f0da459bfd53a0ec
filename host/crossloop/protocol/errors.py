"""Status codes of the wire and the exception tree of the library.

Every refusal has a number on the wire (`Status`, `TripCause`), a named exception on the host, and one sentence that says what to do.
"""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """Outcome of a request frame, second byte of every reply."""

    OK = 0
    """Every command of the frame was executed."""
    SEQUENCE_GAP = 1
    """The sequence number is ahead of the expected one; the reply's sequence field names the expected one. Nothing was executed."""
    SEQUENCE_STALE = 2
    """The sequence number is older than the reply cache. Nothing was executed."""
    OVERFLOW = 3
    """No free request slot: the host sent more frames than its credit. Nothing was executed."""
    CRC_MISMATCH = 4
    """The frame's CRC-32 is wrong. Nothing was executed."""
    LENGTH_MISMATCH = 5
    """The frame is shorter or longer than its length field says, or longer than the device's frame size. Nothing was executed."""
    UNKNOWN_KIND = 6
    """The frame kind is not one a host may send. Nothing was executed."""
    NO_SESSION = 7
    """A request came before the identity exchange. Nothing was executed."""
    BUSY = 8
    """An identity exchange was asked for while a program runs. Nothing was changed."""
    UNKNOWN_COMMAND = 9
    """A command's opcode is unknown; the detail field holds the command's index. Later commands were not executed."""
    COMMAND_TRUNCATED = 10
    """The payload ended inside a command. That command was not executed."""
    ADDRESS_RANGE = 11
    """A register, vector or program address is outside the device. That command was not executed."""
    READ_ONLY = 12
    """The register cannot be written. That command was not executed."""
    LIMIT_LOCKED = 13
    """A limit register was already written with another value since reset. That command was not executed."""
    REPLY_FULL = 14
    """The records of this frame do not fit into one reply. The run was ended in the safe state."""
    UNKNOWN_MICRO_OP = 15
    """A micro-op's opcode is unknown. The run was ended in the safe state."""
    LOOP_DEPTH = 16
    """Loops are nested deeper than the device allows, or a NEXT has no LOOP. The run was ended in the safe state."""
    NOT_ARMED = 17
    """A program wanted to drive lines while the outputs were not armed. Nothing was pulsed."""
    TRIPPED = 18
    """The safety gate has tripped; its cause is latched until the next arming. Nothing is driven."""
    TOKEN_STALE = 19
    """The arming token equals the last one. Nothing was armed."""
    LINE_RANGE = 20
    """A micro-op names a line, a tile, a channel count or a gap that the build does not allow. The run was ended in the safe state."""


class TripCause(IntEnum):
    """Why the safety gate went to the safe state (register TRIP_CAUSE); the first cause is kept."""

    NONE = 0
    """Not tripped."""
    STOP_FRAME = 1
    """The host sent a stop frame."""
    STOP_INPUT = 2
    """The emergency stop input was active."""
    DEAD_MAN = 3
    """No valid frame came for longer than the dead-man time while armed."""
    LEVEL_WINDOW = 4
    """A level code outside LEVEL_MIN to LEVEL_MAX was requested; it was not written."""
    PULSE_WIDTH = 5
    """A gate pulse wider than WIDTH_CAP was requested or was about to happen."""
    HOT_SWITCH = 6
    """A level, line-state or tile change was requested while a pulse gate was on, or a level too soon after it, or together with another
    change; it was not made.
    """
    DUTY = 7
    """A pulse was requested before the rest that the last one demands was over; it did not begin."""
    COMPLIANCE = 8
    """The compliance input said that a current was too high while a pulse gate was on; register DELIVERED has the width so far."""
    GATE_RULE = 9
    """More than one gate line was to be driven, against the rule ONE_GATE; none was."""


STATUS_ADVICE: dict[Status, str] = {
    Status.OK: "nothing to do",
    Status.SEQUENCE_GAP: "resend from the expected sequence number (the link does this by itself)",
    Status.SEQUENCE_STALE: "open a new session; another program may be using the same device",
    Status.OVERFLOW: "wait for replies before sending more frames",
    Status.CRC_MISMATCH: "resend (the link does this by itself); check cable and baud rate if it repeats",
    Status.LENGTH_MISMATCH: "send frames of at most the size in the identity frame",
    Status.UNKNOWN_KIND: "update the host library or the gateware so that both speak the same protocol version",
    Status.NO_SESSION: "open a session with crossloop.connect(); the device was probably reset",
    Status.BUSY: "wait for the running program, or send a stop with 'crossloop safe'",
    Status.UNKNOWN_COMMAND: "update the host library or the gateware so that both speak the same protocol version",
    Status.COMMAND_TRUNCATED: "report this as a defect of the host library",
    Status.ADDRESS_RANGE: "keep vectors and programs within the sizes in the identity frame",
    Status.READ_ONLY: "write only registers marked 'write' in docs/reference/registers.md",
    Status.LIMIT_LOCKED: "use the limits already in force, or reset the device to choose others",
    Status.REPLY_FULL: "read fewer channels per program run",
    Status.UNKNOWN_MICRO_OP: "update the host library or the gateware so that both speak the same protocol version",
    Status.LOOP_DEPTH: "nest fewer loops; the depth is in the identity frame",
    Status.NOT_ARMED: "arm the outputs with session.arm() first",
    Status.TRIPPED: "find the cause, make it safe, then arm again with session.arm()",
    Status.TOKEN_STALE: "arm with a token that differs from the last one",
    Status.LINE_RANGE: "use rows, columns, tiles and gaps that the build in the identity frame allows",
}


class CrossloopError(Exception):
    """Base of every error that crossloop raises for a reason a user can act on."""


class TargetError(CrossloopError):
    """The target URL is unknown, malformed, or what it needs is not installed."""


class ToolError(CrossloopError):
    """A tool (compiler, synthesiser, simulator) is missing or failed."""


class LinkError(CrossloopError):
    """The byte link failed: port busy or gone, no answer, or too many bad frames. The array's state is unknown after it."""


class ProtocolError(CrossloopError):
    """Host and device disagree about the wire format, or a frame breaks it."""


class IdentityError(ProtocolError):
    """The device's identity is not the one this host can talk to; both values are in the message."""


class CommandError(CrossloopError):
    """The device refused or ended a request.

    Attributes
    ----------
    status : Status
        What the device answered.
    detail : int
        Index of the command in the frame that was refused.
    """

    def __init__(self, status: Status, detail: int, message: str = "") -> None:
        self.status = status
        self.detail = detail
        text = message or f"device refused command {detail} of the frame"
        super().__init__(f"{text}: {status.name} ({int(status)}); {STATUS_ADVICE[status]}")


class SafetyTrip(CommandError):
    """The safety gate went to the safe state; nothing is driven until the outputs are armed again.

    Attributes
    ----------
    cause : TripCause
        The latched cause.
    """

    def __init__(self, cause: TripCause, detail: int = 0) -> None:
        self.cause = cause
        super().__init__(Status.TRIPPED, detail, f"safety gate tripped by {cause.name}")


class RangeError(CrossloopError, ValueError):
    """A value lies outside its limit or cannot be represented; nothing was sent."""


class BuildError(CrossloopError):
    """The device's build has not what a program needs; nothing was sent."""


class ShapeError(CrossloopError, ValueError):
    """An array has the wrong shape; nothing was sent."""


class CalibrationError(CrossloopError):
    """A calibration did not succeed: what was measured is not what the reference can give. The calibration in force stays."""


class CircuitError(CrossloopError):
    """A circuit has no unique solution, or none was found: a floating island, no ground, a singular or badly conditioned network."""
