"""Pulse generator and safety gate with two taps per cycle, down to the pin of a DDR output: what a bench measures with a stopwatch."""

from typing import Any

from amaranth.hdl import ClockSignal, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.microops import LineState
from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import DUTY_BITS, WIDTH_BITS
from crossloop_hdl.engines.pulse_generator import PulseGenerator
from crossloop_hdl.safety import SafetyGate


class PulsePath(wiring.Component):
    """One row and one column that are driven as soon as `connect` has been given."""

    arm: In(1)
    connect: In(1)
    start: In(1)
    abort: In(1)
    count: In(16)
    width: In(WIDTH_BITS)
    gap: In(16)
    width_cap: In(WIDTH_BITS)
    duty_rest: In(DUTY_BITS)
    done: Out(1)
    pulse_ended: Out(1)
    tripped: Out(1)
    delivered: Out(WIDTH_BITS)
    pin: Out(1)
    """The row's gate: high in a half of the cycle in which it is on, as a DDR output shows it, without its delay."""

    def elaborate(self, _platform: Any) -> Module:
        m = Module()
        m.submodules.pulses = pulses = PulseGenerator(2)
        m.submodules.safety = safety = SafetyGate(Parameters(rows=1, columns=1, gate_taps=2, break_cycles=1))
        for name in ("start", "abort", "count", "width", "gap"):
            m.d.comb += getattr(pulses, name).eq(getattr(self, name))
        for name in ("gate", "late", "early"):
            m.d.comb += getattr(safety, name).eq(getattr(pulses, name))
        m.d.comb += [
            safety.arm.eq(self.arm), safety.dead_man.eq(0xFFFFFFFF), safety.width_cap.eq(self.width_cap),
            safety.duty_rest.eq(self.duty_rest), safety.switch.eq(self.connect), safety.mask.eq(1), safety.selected.eq(LineState.DRIVE),
            self.done.eq(pulses.done), self.pulse_ended.eq(pulses.pulse_ended), self.tripped.eq(safety.tripped),
            self.delivered.eq(safety.delivered),
            self.pin.eq(Mux(ClockSignal(), safety.row_gates & ~safety.gates_late, safety.row_gates & ~safety.gates_early)),
        ]  # fmt: skip
        return m
