"""A scripted controller that answers frames from memory: enough of the link and the dispatcher to test the host without a simulator."""

import struct
import zlib

import numpy as np
import pytest
from cobs import cobs

from crossloop.protocol.errors import LinkError
from crossloop.protocol.identity import pack_identity
from crossloop.protocol.parameters import Parameters
from crossloop.session import Session


def reply_frame(kind, status, sequence, credit, detail, payload=b""):
    body = struct.pack("<BBHIHH", kind, status, len(payload), sequence, credit, detail) + payload
    return cobs.encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


class FakeDevice:
    """A transport with a controller behind it. Faults are injected through `mangle` (host to device) and `mangle_reply`."""

    name = "fake:"
    simulated = True

    def __init__(self, parameters=None):
        self.parameters = parameters or Parameters(rows=5, columns=4, tiles=2)
        self.identity = pack_identity(self.parameters)
        self.registers = dict.fromkeys(range(19), 0)
        self.vector = np.zeros(self.parameters.vector_words, np.int16)
        self.banks = {1: b"", 2: b""}
        self.programs = bytearray(8 * self.parameters.program_ops)
        self.log = []  # (what, value) of every side effect, in order
        self.frames = []  # decoded host frames (kind, sequence, payload)
        self.answer = None  # function(channels) -> u16 array
        self.mangle = lambda frame: frame
        self.mangle_reply = lambda frame: frame
        self.next_status = []  # statuses with which to answer the next requests instead of executing them
        self.silent = False
        self.gone = False
        self.closed = False
        self.waited_s = 0.0
        self._in = b""
        self._out = b""
        self._first = None
        self._expected = 0
        self._replies = {}
        self._token = 0

    # transport
    def write(self, data):
        if self.gone or self.closed:
            raise LinkError("fake: is gone")
        *frames, self._in = (self._in + data).split(b"\0")
        for encoded in frames:
            encoded = self.mangle(encoded)  # noqa: PLW2901
            if encoded:
                self._frame(encoded)

    def read(self, timeout_s):
        if self.gone or self.closed:
            raise LinkError("fake: is gone")
        out, self._out = self._out, b""
        if not out:
            self.waited_s += timeout_s
        return out

    def close(self):
        self.closed = True

    # link
    def _send(self, kind, status, sequence, detail=0, payload=b""):
        if not self.silent:
            frame = reply_frame(kind, status, sequence, self.parameters.request_slots, detail, payload)
            self._out += self.mangle_reply(frame)

    def _frame(self, encoded):
        try:
            frame = cobs.decode(encoded)
        except cobs.DecodeError:
            frame = b""
        if len(frame) < 12 or zlib.crc32(frame[:-4]) != struct.unpack("<I", frame[-4:])[0]:
            self.registers[13] += 1
            self._send(0x83, 4, self._expected)
            return
        kind, _, _length, sequence = struct.unpack_from("<BBHI", frame)
        payload = frame[8:-4]
        self.frames.append((kind, sequence, payload))
        if kind == 1:
            if sequence != self._first:
                self._first, self._expected, self._replies = sequence, sequence, {}
                self.registers[0] &= ~1
            self._send(0x81, 0, sequence, payload=self.identity)
        elif kind == 2:
            self._request(sequence, payload)
        elif kind == 4:
            self.registers[0] = 2
            self.registers[1] = 1
            self.log.append(("stop", None))
            self._send(0x84, 0, self._expected)

    def _request(self, sequence, payload):
        if sequence in self._replies:
            self._send(0x82, *self._replies[sequence])
            return
        if sequence != self._expected:
            self._send(0x83, 1, self._expected)
            return
        status, detail, records = self._execute(payload)
        self._expected = (sequence + 1) & 0xFFFFFFFF
        self._replies[sequence] = (status, sequence, detail, records)
        while len(self._replies) > self.parameters.request_slots:
            del self._replies[next(iter(self._replies))]
        self._send(0x82, *self._replies[sequence])

    # dispatcher
    def _execute(self, payload):
        if self.next_status:
            return self.next_status.pop(0), 0, b""
        records, position, index = b"", 0, 0
        while position < len(payload):
            opcode, argument, count, address = struct.unpack_from("<BBHH", payload, position)
            position += 6
            length = {1: 4, 3: count, 4: 2 * count, 6: 8 * count}.get(opcode, 0)
            data = payload[position : position + length]
            assert len(data) == length
            position += length
            status, more = self._command(opcode, argument, count, address, data)
            records += more
            if status:
                return status, index, records
            index += 1
        assert len(records) <= self.parameters.frame_bytes - 16
        return 0, 0, records

    def _command(self, opcode, argument, count, address, data):
        if opcode == 1:
            value = int.from_bytes(data, "little")
            if (2 <= argument <= 5 or 14 <= argument <= 17) and self.registers[argument] not in {0, value}:
                return 13, b""
            self.registers[argument] = 0 if 8 <= argument <= 12 else value
        elif opcode == 2:
            return 0, struct.pack("<BBHIHI", 1, 0, 1, 0, argument, self.registers[argument])
        elif opcode == 3 and argument == 0:
            self.vector[address : address + count] = np.frombuffer(data, np.int8)
        elif opcode == 3:
            self.banks[argument] = data
            self.log.append(("bank", (argument, data)))
        elif opcode == 4:
            self.vector[address : address + count] = np.frombuffer(data, "<i2")
        elif opcode == 6:
            self.programs[8 * address : 8 * address + len(data)] = data
            self.log.append(("upload", (address, count)))
        elif opcode == 7:
            return self._run(address)
        elif opcode == 8:
            if count == self._token:
                return 19, b""
            self._token = count
            self.registers[0] = 1
            self.registers[1] = 0
            self.log.append(("arm", count))
        elif opcode == 9:
            self.registers[0] &= ~1
            self.log.append(("disarm", None))
        else:
            return 9, b""
        return 0, b""

    def _run(self, address):
        if self.registers[0] & 2:
            return 18, b""
        if not self.registers[0] & 1:
            return 17, b""
        records, ops, stack, pc = b"", [], [], address
        while True:
            op, a, b, c = struct.unpack_from("<BBHI", self.programs, 8 * pc)
            ops.append((op, a, b, c))
            pc += 1
            if op == 0:
                break
            if op == 2:
                stack.append([pc, b])
            elif op == 3:
                stack[-1][1] -= 1
                if stack[-1][1]:
                    pc = stack[-1][0]
                else:
                    stack.pop()
            elif op == 6:
                self.log.append(("levels", (a, self.vector[c : c + b].tolist())))
            elif op == 10:
                codes = np.arange(b) if self.answer is None else self.answer(b)
                records += struct.pack("<BBHIH", 3, a, b, len(ops), pc) + np.asarray(codes, "<u2").tobytes()
        self.log.append(("run", ops))
        return 0, records + struct.pack("<BBHIH", 4, 0, 0, 7 * len(ops), pc - 1)

    def runs(self):
        return [value for what, value in self.log if what == "run"]


@pytest.fixture
def new_device():
    return FakeDevice


@pytest.fixture
def device():
    return FakeDevice()


@pytest.fixture
def session(device):
    with Session(device) as session:
        session.arm()
        device.log.clear()
        yield session
