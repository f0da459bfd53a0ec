"""The engine bay: decodes the micro-op in hand, starts its engine, and puts the safety gate between engines and pins."""

from typing import Any

from amaranth.hdl import Module, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from crossloop.protocol.parameters import Parameters
from crossloop.protocol.registers import DEAD_MAN_BITS, WIDTH_BITS
from crossloop_hdl.frontend.direct import DirectSignature
from crossloop_hdl.layouts import MicroOpLayout

COUNTERS = ("slots", "row_pulses", "column_pulses", "cell_pulses", "train_pulses")
"""The counters of the bay, in the order of the bits of `counters_clear`."""


class EngineBay(wiring.Component):
    """Every micro-op but HALT, WAIT, LOOP and NEXT.

    Parameters
    ----------
    parameters : Parameters
        The build.

    Members
    -------
    start : In(1)
        Strobe: execute `op`, which stays until `done`.
    op : In(MicroOpLayout)
    done : Out(1)
        Strobe: `op` has ended; may come in the cycle of `start`.
    fault : Out(8)
        `Status`, valid with `done`; anything but OK ends the run (the bay goes to the safe state by itself).
    cycle, operation : In(32), In(16)
        Cycle of the run and address of `op`, for records.
    records : Out(stream.Signature(8))
        Bytes of CODES records; they must be taken at once, or else the micro-op takes longer than promised.
    records_free : In(16)
        Bytes that still fit into the reply, those of the DONE record included.
    vector_address, vector_data : Out(16), In(16)
        Read port of the vector memory; the data are those of the address of the cycle before.
    bank_select, bank_clear, bank_shift, bank_byte : In(1), In(1), In(1), In(8)
        Family whose stream bank is written; strobes; the byte that is shifted in at line 0.
    seed_select, seed_write, seed : In(1), In(1), In(32)
        Family whose lanes restart from `seed`; strobe.
    slots, row_pulses, column_pulses, cell_pulses, train_pulses : Out(32)
        The counters, see `Register`.
    counters_clear : In(5)
        Strobes, one per counter in the order of `COUNTERS`.
    level_min, level_max, width_cap, dead_man : In(signed(32)), In(signed(32)), In(24), In(32)
        The limits, see `Register`.
    arm : In(1)
        Strobe; `armed` tells in the next cycle whether it was granted.
    disarm : In(1)
        Strobe: to the safe state, without a cause.
    stop : In(1)
        Strobe: trip with STOP_FRAME.
    frame_seen : In(1)
        Strobe: restarts the dead-man timer.
    emergency_stop : In(1)
        Asynchronous, active high.
    run_abort : In(1)
        Strobe: the sequencer ended the run with a fault of its own; to the safe state.
    armed, tripped : Out(1), Out(1)
        A trip is latched until the next arming; `armed` is then 0.
    trip_cause : Out(8)
        The first `TripCause` since the last arming.
    stop_active : Out(1)
        The emergency stop input, synchronised (bit 2 of register STATE).
    gates_off : Out(1)
        No gate is on.
    pins : Out(DirectSignature)
        The front end.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        super().__init__({
            "start": In(1), "op": In(MicroOpLayout), "done": Out(1), "fault": Out(8),
            "cycle": In(32), "operation": In(16), "records": Out(stream.Signature(8)), "records_free": In(16),
            "vector_address": Out(16), "vector_data": In(16),
            "bank_select": In(1), "bank_clear": In(1), "bank_shift": In(1), "bank_byte": In(8),
            "seed_select": In(1), "seed_write": In(1), "seed": In(32),
            **{name: Out(32) for name in COUNTERS}, "counters_clear": In(len(COUNTERS)),
            "level_min": In(signed(32)), "level_max": In(signed(32)), "width_cap": In(WIDTH_BITS), "dead_man": In(DEAD_MAN_BITS),
            "arm": In(1), "disarm": In(1), "stop": In(1), "frame_seen": In(1), "emergency_stop": In(1), "run_abort": In(1),
            "armed": Out(1), "tripped": Out(1), "trip_cause": Out(8), "stop_active": Out(1), "gates_off": Out(1),
            "pins": Out(DirectSignature(parameters)),
        })  # fmt: skip

    def elaborate(self, _platform: Any) -> Module:
        """Return the bay."""
        return Module()
