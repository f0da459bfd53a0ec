"""The clock of the controller: from a board's oscillator, through a PLL where the two differ, with a reset that outlasts power-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Const, Elaboratable, Instance, Module, ResetSignal, Signal
from amaranth.lib import io

from crossloop.protocol.errors import RangeError

RESET_CYCLES = 1024
"""Cycles of reset after the clock has settled. iCE40 block RAMs answer zeros in their first 3 us after configuration; this is longer at
every clock up to 340 MHz. Source: Lattice TN1248 as worked around in project IceStorm."""


@dataclass(frozen=True)
class Pll:
    """Settings of one PLL, as its family counts them."""

    cell: str
    parameters: dict[str, Any]
    output_hz: int


def ice40_pll(input_hz: int, output_hz: int) -> Pll:
    """Return the settings of an iCE40 PLL. Limits: Lattice TN1251 (phase detector 10 to 133 MHz, oscillator 533 to 1066 MHz)."""
    for reference_divider in range(16):
        phase_hz = input_hz / (reference_divider + 1)
        if not 10e6 <= phase_hz <= 133e6:
            continue
        for output_power in range(1, 7):
            feedback = round(output_hz * 2**output_power / phase_hz)
            oscillator_hz = phase_hz * feedback
            if (
                1 <= feedback <= 128
                and 533e6 <= oscillator_hz <= 1066e6
                and oscillator_hz == output_hz * 2**output_power
            ):
                # The filter's range by the phase detector's frequency, as icepll chooses it.
                filter_range = next(
                    (code for code, below_hz in ((1, 17e6), (2, 26e6), (3, 44e6), (4, 66e6), (5, 101e6)) if phase_hz < below_hz), 6
                )  # fmt: skip
                settings = {
                    "FEEDBACK_PATH": "SIMPLE", "DIVR": Const(reference_divider, 4), "DIVF": Const(feedback - 1, 7),
                    "DIVQ": Const(output_power, 3), "FILTER_RANGE": Const(filter_range, 3),
                }  # fmt: skip
                return Pll("SB_PLL40_CORE", settings, output_hz)
    raise _no_pll("an iCE40", input_hz, output_hz)


def ecp5_pll(input_hz: int, output_hz: int) -> Pll:
    """Return the settings of an ECP5 PLL. Limits: Lattice FPGA-TN-02200 (oscillator 400 to 800 MHz)."""
    for input_divider in range(1, 9):
        for feedback in range(1, 81):
            if input_hz * feedback != output_hz * input_divider:
                continue
            for output_divider in range(1, 129):
                if 400e6 <= output_hz * output_divider <= 800e6:
                    settings = {
                        "CLKI_DIV": input_divider, "CLKFB_DIV": feedback, "CLKOP_DIV": output_divider, "CLKOP_ENABLE": "ENABLED",
                        "CLKOP_CPHASE": output_divider // 2, "FEEDBK_PATH": "CLKOP",
                    }  # fmt: skip
                    return Pll("EHXPLLL", settings, output_hz)
    raise _no_pll("an ECP5", input_hz, output_hz)


def gowin_pll(input_hz: int, output_hz: int) -> Pll:
    """Return the settings of a Gowin rPLL. Limits: Gowin UG286 for GW1N-9C (phase detector 3 to 400 MHz, oscillator 400 to 1200 MHz)."""
    for input_divider in range(64):
        for feedback in range(64):
            if input_hz * (feedback + 1) != output_hz * (input_divider + 1) or input_hz / (input_divider + 1) < 3e6:
                continue
            for output_divider in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128):
                if 400e6 <= output_hz * output_divider <= 1200e6:
                    settings = {
                        "FCLKIN": str(input_hz / 1e6), "IDIV_SEL": input_divider, "FBDIV_SEL": feedback, "ODIV_SEL": output_divider,
                        "DEVICE": "GW1NR-9C",
                    }  # fmt: skip
                    return Pll("rPLL", settings, output_hz)
    raise _no_pll("a Gowin", input_hz, output_hz)


def _no_pll(family: str, input_hz: int, output_hz: int) -> RangeError:
    return RangeError(
        f"{family} PLL cannot make exactly {output_hz} Hz of {input_hz} Hz; choose another clock_hz, such as a multiple of the oscillator's"
    )


class ClockGenerator(Elaboratable):
    """The domain `sync`.

    Parameters
    ----------
    resource : str
        The oscillator's resource.
    input_hz, output_hz : int
        Its frequency, and that of the domain.
    """

    def __init__(self, resource: str, input_hz: int, output_hz: int) -> None:
        self._resource, self._input_hz, self._output_hz = resource, input_hz, output_hz

    def elaborate(self, platform: Any) -> Module:
        """Return buffer, PLL and reset; the domain itself belongs to the top."""
        m = Module()
        # Counts before the domain is out of its reset, so it has none itself.
        m.domains.settling = settling = ClockDomain(reset_less=True, local=True)
        m.submodules.buffer = buffer = io.Buffer("i", platform.request(self._resource, dir="-"))
        clock, settled = Signal(), Signal()
        if self._input_hz == self._output_hz:
            m.d.comb += [clock.eq(buffer.i), settled.eq(1)]
        else:
            self._add_pll(m, platform, buffer.i, clock, settled)
        # Constrained where every cell of the design can see it.
        platform.add_clock_constraint(clock, frequency=self._output_hz)
        left, reset = Signal(range(RESET_CYCLES), init=RESET_CYCLES - 1), Signal(init=1)
        m.d.comb += [ClockSignal().eq(clock), settling.clk.eq(clock), ResetSignal().eq(reset)]
        m.d.settling += reset.eq(left != 0)
        with m.If(settled & (left != 0)):
            m.d.settling += left.eq(left - 1)
        return m

    def _add_pll(self, m: Module, platform: Any, reference: Any, clock: Signal, settled: Signal) -> None:
        """Add the PLL of the platform's family."""
        device = str(platform.device)
        if device.startswith("iCE40"):
            pll = ice40_pll(self._input_hz, self._output_hz)
            pins = {
                "i_REFERENCECLK": reference, "i_RESETB": Const(1), "i_BYPASS": Const(0), "o_PLLOUTGLOBAL": clock, "o_LOCK": settled,
            }  # fmt: skip
        elif device.startswith("LFE5"):
            pll = ecp5_pll(self._input_hz, self._output_hz)
            pins = {
                "i_CLKI": reference, "i_CLKFB": clock, "o_CLKOP": clock, "o_LOCK": settled, "i_RST": Const(0), "i_STDBY": Const(0),
                "i_PHASESEL0": Const(0), "i_PHASESEL1": Const(0), "i_PHASEDIR": Const(0), "i_PHASESTEP": Const(0),
                "i_PHASELOADREG": Const(0), "i_PLLWAKESYNC": Const(0), "i_ENCLKOP": Const(0),
            }  # fmt: skip
        elif device.startswith("GW1N"):
            pll = gowin_pll(self._input_hz, self._output_hz)
            pins = {
                "i_CLKIN": reference, "i_CLKFB": Const(0), "i_RESET": Const(0), "i_RESET_P": Const(0), "i_FBDSEL": Const(0, 6),
                "i_IDSEL": Const(0, 6), "i_ODSEL": Const(0, 6), "i_PSDA": Const(0, 4), "i_DUTYDA": Const(0, 4), "i_FDLY": Const(0, 4),
                "o_CLKOUT": clock, "o_LOCK": settled,
            }  # fmt: skip
        else:
            raise RangeError(
                f"device {device} has no PLL that crossloop knows; set clock_hz to the oscillator's {self._input_hz} Hz"
            )
        m.submodules.pll = Instance(pll.cell, **{f"p_{name}": value for name, value in pll.parameters.items()}, **pins)
