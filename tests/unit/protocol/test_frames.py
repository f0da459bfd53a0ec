"""Frames, commands, records and the identity survive the wire, and refuse what is broken."""

from __future__ import annotations

import binascii
import struct

import pytest

from crossloop.protocol import commands, frames, records
from crossloop.protocol.errors import IdentityError, ProtocolError, RangeError, Status
from crossloop.protocol.frames import FrameKind
from crossloop.protocol.identity import IDENTITY_BYTES, pack_identity, unpack_identity
from crossloop.protocol.parameters import Parameters


def test_request_bytes_are_as_documented() -> None:
    # Written out by hand from the documented layout; the CRC comes from binascii, an implementation apart from zlib's.
    body = bytes([0x02, 0x00, 0x03, 0x00, 0x78, 0x56, 0x34, 0x12]) + b"abc"
    assert frames.pack_request(FrameKind.REQUEST, 0x12345678, b"abc") == body + struct.pack("<I", binascii.crc32(body))


def test_reply_survives_the_wire() -> None:
    frame = frames.pack_reply(FrameKind.REPLY, Status.TRIPPED, 7, 2, 3, b"\x00\x01")
    assert frames.unpack_reply(frame) == frames.Reply(FrameKind.REPLY, Status.TRIPPED, 7, 2, 3, b"\x00\x01")


@pytest.mark.parametrize("bit", range(0, 8 * 18, 7))
def test_any_flipped_bit_of_a_reply_is_noticed(bit: int) -> None:
    frame = bytearray(frames.pack_reply(FrameKind.REPLY, Status.OK, 7, 2, 0, b"\x00\x01"))
    frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ProtocolError, match="CRC-32"):
        frames.unpack_reply(bytes(frame))


def test_truncated_reply_is_refused() -> None:
    with pytest.raises(ProtocolError, match="shorter than the smallest"):
        frames.unpack_reply(b"\x82\x00")


def test_reply_of_unknown_kind_is_refused() -> None:
    with pytest.raises(ProtocolError, match="unknown kind or status"):
        frames.unpack_reply(frames.pack_reply(0x99, 0, 1, 2, 0))


def test_command_bytes_are_as_documented() -> None:
    assert commands.write_bytes(commands.Bank.ROW_STREAMS, b"\x81\x05") == bytes([3, 1, 2, 0, 0, 0, 0x81, 0x05])
    assert commands.write_register(2, -1) == bytes([1, 2, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF])
    assert commands.run(0x0102) == bytes([7, 0, 0, 0, 0x02, 0x01])


def test_records_are_split_in_order() -> None:
    payload = records.pack_record(3, 1, 2, 900, 17, b"\x01\x80\xff\x7f") + records.pack_record(4, 0, 0, 1000, 20)
    first, second = records.unpack_records(payload)
    assert (first.kind, first.cycle, first.operation, first.data) == (
        records.RecordKind.CODES,
        900,
        17,
        b"\x01\x80\xff\x7f",
    )
    assert (second.kind, second.cycle) == (records.RecordKind.DONE, 1000)


@pytest.mark.parametrize("cut", [3, 11])
def test_cut_record_is_refused(cut: int) -> None:
    payload = records.pack_record(3, 0, 1, 0, 0, b"\x01\x00")
    with pytest.raises(ProtocolError, match="runs past"):
        list(records.unpack_records(payload[:cut]))


def test_identity_carries_every_parameter() -> None:
    parameters = Parameters(
        rows=65, columns=64, tiles=2, clock_hz=48_000_000, range_full_scale_pa=(4, 3, 2, 1), loop_depth=2
    )
    assert unpack_identity(pack_identity(parameters)) == parameters


def test_identity_of_another_release_names_both_hashes() -> None:
    payload = bytearray(pack_identity(Parameters()))
    payload[8] ^= 1
    with pytest.raises(IdentityError, match=r"build hash is [0-9a-f]{16}, this host computes [0-9a-f]{16}"):
        unpack_identity(bytes(payload))


def test_identity_of_another_protocol_version_names_both() -> None:
    payload = bytearray(pack_identity(Parameters()))
    payload[4] = 99
    with pytest.raises(IdentityError, match="protocol version 99, this host 4"):
        unpack_identity(bytes(payload))


def test_something_else_on_the_port_is_named() -> None:
    with pytest.raises(IdentityError, match="check that a crossloop controller"):
        unpack_identity(b"hello")
    with pytest.raises(IdentityError, match="check that a crossloop controller"):
        unpack_identity(bytes(IDENTITY_BYTES))


def test_build_hash_depends_on_every_parameter() -> None:
    base = Parameters()
    changes: list[dict[str, object]] = [
        {"rows": 17}, {"columns": 17}, {"tiles": 2}, {"level_bits": 8}, {"sample_bits": 8}, {"vector_words": 512}, {"program_ops": 512},
        {"frame_bytes": 512}, {"request_slots": 4}, {"loop_depth": 3}, {"break_cycles": 5}, {"clock_hz": 48_000_000},
        {"level_full_scale_uv": 1_000_000}, {"range_full_scale_pa": (1, 2, 3, 4)},
    ]  # fmt: skip
    hashes = {Parameters(**change).build_hash for change in changes}  # type: ignore[arg-type]
    assert base.build_hash not in hashes
    assert len(hashes) == len(changes)


@pytest.mark.parametrize(("name", "value"), [("rows", 0), ("frame_bytes", 1000), ("level_bits", 17), ("tiles", 2.0)])
def test_impossible_parameter_is_named(name: str, value: object) -> None:
    with pytest.raises(RangeError, match=f"parameter {name} must be"):
        Parameters(**{name: value})  # type: ignore[arg-type]
