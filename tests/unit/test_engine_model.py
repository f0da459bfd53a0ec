"""The C model against Amaranth's own simulator, cycle by cycle, on every kind of cell."""

import ctypes
import re

import numpy as np
import pytest
from amaranth.hdl import Array, Cat, Module, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from crossloop_sim.engine.boundary import to_rtlil
from crossloop_sim.engine.build import NATIVE_PASSES
from crossloop_sim.engine.cgen import ModelWriter
from crossloop_sim.engine.compiler import find_compiler
from crossloop_sim.engine.errors import EngineError
from crossloop_sim.engine.netlist import read_netlist
from crossloop_sim.engine.yosys import flat_json

WIDE = 150
PLAIN_PASSES = "proc; flatten; memory_collect; opt_clean"


class Zoo(wiring.Component):
    """Every operator on narrow, word-sized and wide numbers, signed and unsigned, with memories of every kind."""

    def __init__(self):
        self.results: list[tuple[str, Value]] = []
        super().__init__({
            "a": In(13), "b": In(signed(7)), "c": In(64), "d": In(signed(64)), "s": In(8), "t": In(signed(9)), "e": In(1),
            **{f"y{index}": Out(WIDE) for index in range(100)},
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        a, b, c, d, s, t, e = self.a, self.b, self.c, self.d, self.s, self.t, self.e
        # Wide numbers made of the inputs, held in registers with and without enable.
        wide, held, plain = Signal(130, init=(1 << 129) | 5), Signal(signed(100), init=-3), Signal(65, init=1)
        m.d.sync += plain.eq(Cat(plain[-1] ^ plain[2] ^ e, plain[:-1]))
        with m.If(e):
            m.d.sync += [wide.eq(Cat(c, wide[:66]) ^ (wide << 1)), held.eq(Cat(d, held) ^ wide)]
        values = [
            a + b, a - b, b - a, a * b, c + d, c - d, (c * d)[:64], -b, -c, ~a, ~d, abs(b), a & b, a | d, c ^ b,
            a == b, a != b, a < b, b <= d, d > b, c >= a, d < 0, c < d, b == -1, a // (s | 1), a % (s | 1), a // s, a % s,
            b // (t | 1), b % (t | 1), b // t, b % t, d[:40].as_signed() // (b | 1), d[9:60].as_signed() % (b | 1),
            a << s[:4], c << s[:6], (b << s[:3])[:20], a >> s, c >> s, d >> s, b >> s,
            wide + c, wide - c, wide + held, held - wide, -held, wide & held, wide | b, wide ^ held, ~wide, ~held,
            wide == held, wide != (wide | e), wide < held, held < d, held >= b, wide > plain, (wide << s)[:WIDE], wide >> s, held >> s,
            wide.any(), wide.all(), wide.xor(), a.bool(), (a | ~0x1FFF).all(), c.xor(), held.bool(), plain.any(),
            a.bit_select(s[:4], 3), c.word_select(s[:3], 8), wide.bit_select(s, 40), held.word_select(s[:2], 25),
            wide[3:99], held[60:70], Cat(b, a, c[7:9]), b.replicate(5), e.replicate(70), wide[40].replicate(66),
            Array([a, b, c, d, wide])[s[:3]], wide.rotate_left(17), c.rotate_right(5), held.shift_right(70), held.as_unsigned()[1:],
        ]  # fmt: skip
        wide_wire = Signal(130)
        with m.Switch(s):
            with m.Case("1-------", "-1-----0"):
                m.d.comb += wide_wire.eq(held)
            with m.Case(3, 4, 5):
                m.d.comb += wide_wire[20:90].eq(c)
            with m.Case(6):
                m.d.comb += [wide_wire.eq(wide), wide_wire.bit_select(a[:6], 9).eq(b)]
            with m.Default():
                m.d.comb += wide_wire.eq(~wide)
        # A vector whose bits depend on lower bits of itself.
        ripple = Signal(70)
        with m.If(s[0]):
            m.d.comb += ripple[0].eq(e)
            for index in range(1, 70):
                m.d.comb += ripple[index].eq(ripple[index - 1] ^ wide[index])
        values += [wide_wire, ripple]
        # Memories: wide with byte enables and a transparent port; of an odd size; read without clock.
        m.submodules.store = store = Memory(
            shape=96, depth=16, init=[index * 0x1234567890ABCDEF for index in range(16)]
        )
        write = store.write_port(granularity=8)
        through, behind = store.read_port(transparent_for=(write,)), store.read_port()
        m.d.comb += [write.addr.eq(s[:4]), write.data.eq(Cat(c, a)), write.en.eq(Cat(s, s[:4]) & e.replicate(12)),
                     through.addr.eq(s[:4]), behind.addr.eq(a[:4]), behind.en.eq(t[0])]  # fmt: skip
        m.submodules.odd = odd = Memory(shape=5, depth=11, init=range(11))
        first, second = odd.write_port(), odd.write_port()
        asynchronous = odd.read_port(domain="comb")
        m.d.comb += [first.addr.eq(a[:4]), first.data.eq(c), first.en.eq(e), second.addr.eq(s[:4]), second.data.eq(d),
                     second.en.eq(t[1] & (a[:4] != s[:4])), asynchronous.addr.eq(Cat(s[:3], 0))]  # fmt: skip
        values += [through.data, behind.data, asynchronous.data]
        for index, value in enumerate(values):
            output = getattr(self, f"y{index}")
            if index % 2:
                m.d.comb += output.eq(value)
            else:
                m.d.sync += output.eq(value)
            self.results.append((f"y{index}", value))
        return m


EXPORTS = """
#include <stdlib.h>
__attribute__((visibility("default"))) void *z_new(void) { cl_model *s = calloc(1, sizeof *s); cl_model_reset(s); return s; }
__attribute__((visibility("default"))) void z_step(cl_model *s) { cl_model_step(s); }
"""


def compile_model(component, passes, folder):
    netlist = read_netlist(flat_json(folder, to_rtlil(component), passes))
    names = list(netlist.outputs)
    lines = [ModelWriter(netlist, names).source(), EXPORTS]
    prefix = '__attribute__((visibility("default")))'
    lines += [f"{prefix} void z_set_{name}(cl_model *s, uint64_t v) {{ set_{name}(s, v); }}" for name in netlist.inputs]
    lines += [f"{prefix} uint64_t z_get_{name}(cl_model *s, int w) {{ return get_{name}(s, w); }}" for name in names]
    (folder / "zoo.c").write_text("\n".join(lines))
    find_compiler("C").build(folder, [folder / "zoo.c"], folder / "zoo.so")
    library = ctypes.CDLL(str(folder / "zoo.so"))
    library.z_new.restype = ctypes.c_void_p
    library.z_step.argtypes = [ctypes.c_void_p]
    for name in netlist.inputs:
        getattr(library, f"z_set_{name}").argtypes = [ctypes.c_void_p, ctypes.c_uint64]
    for name in names:
        getter = getattr(library, f"z_get_{name}")
        getter.argtypes, getter.restype = [ctypes.c_void_p, ctypes.c_int], ctypes.c_uint64
    return library, names


@pytest.mark.parametrize("passes", [NATIVE_PASSES, PLAIN_PASSES])
def test_every_cell_agrees_with_the_simulator_of_amaranth(passes, tmp_path, rng):
    cycles = 120
    widths = {"a": 13, "b": 7, "c": 64, "d": 64, "s": 8, "t": 9, "e": 1}
    stimuli = {}
    for name, width in widths.items():
        values = rng.integers(0, 2**64, cycles, dtype=np.uint64)
        # Extremes are where signs and carries go wrong.
        values[rng.random(cycles) < 0.1] = 0
        values[rng.random(cycles) < 0.1] = 2**64 - 1
        values[rng.random(cycles) < 0.1] = 1 << (width - 1)
        # Inputs that rest for some cycles find what was not woken, or not put to sleep.
        last = np.maximum.accumulate(np.where(rng.random(cycles) < 0.5, np.arange(cycles), 0))
        values = values[last]
        stimuli[name] = [int(value) & (1 << width) - 1 for value in values]

    zoo = Zoo()
    library, names = compile_model(zoo, passes, tmp_path)
    model = library.z_new()
    reference = Zoo()
    failures, compared = [], 0

    async def bench(ctx):
        nonlocal compared
        for cycle in range(cycles):
            for name in widths:
                signal = getattr(reference, name)
                bits = stimuli[name][cycle]
                signed_bits = bits - (1 << len(signal)) if signal.shape().signed and bits >> (len(signal) - 1) else bits
                ctx.set(signal, signed_bits)
                getattr(library, f"z_set_{name}")(model, bits)
            await ctx.tick()
            library.z_step(model)
            for name in names:
                expected = ctx.get(getattr(reference, name))
                got = sum(getattr(library, f"z_get_{name}")(model, word) << (64 * word) for word in range(3))
                compared += 1
                if got != expected:
                    failures.append((cycle, name, hex(expected), hex(got)))

    simulator = Simulator(reference)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert compared == cycles * len(names)
    first = {name: (cycle, expected, got) for cycle, name, expected, got in reversed(failures)}
    what = dict(reference.results)
    assert not failures, "\n".join(f"{name} = {what.get(name)!r}: {where}" for name, where in first.items())


LOOP = r"""
module \top
  wire width 1 input 1 \clk
  wire width 8 input 2 \x
  wire width 8 output 3 \y
  cell $add \sum
    parameter \A_SIGNED 0
    parameter \B_SIGNED 0
    parameter \A_WIDTH 8
    parameter \B_WIDTH 8
    parameter \Y_WIDTH 8
    connect \A \x
    connect \B \y
    connect \Y \y
  end
end
"""


def test_a_loop_without_register_is_refused(tmp_path):
    design = flat_json(tmp_path, LOOP, PLAIN_PASSES)
    with pytest.raises(EngineError, match=r"combinational loop through cells of the kinds \$add"):
        read_netlist(design)


def test_a_second_clock_is_refused(tmp_path):
    class Two(wiring.Component):
        y: Out(8)
        z: Out(8)

        def elaborate(self, platform):
            m = Module()
            m.d.sync += self.y.eq(self.y + 1)
            m.d.adc += self.z.eq(self.z + 1)
            return m

    with pytest.raises(EngineError, match="clocked by something other than the rising edge of clk"):
        read_netlist(flat_json(tmp_path, to_rtlil(Two()), PLAIN_PASSES))


def test_reset_is_tied_low_only_at_the_top():
    class Inner(wiring.Component):
        y: Out(8)

        def elaborate(self, platform):
            m = Module()
            m.d.sync += self.y.eq(self.y + 1)
            return m

    class Outer(wiring.Component):
        y: Out(8)

        def elaborate(self, platform):
            m = Module()
            m.submodules.inner = inner = Inner()
            m.d.comb += self.y.eq(inner.y)
            return m

    text = to_rtlil(Outer())
    assert len(re.findall(r"input \d+  \\rst$", text, flags=re.MULTILINE)) == 1
    assert text.count(r"connect \rst 1'0") == 1
