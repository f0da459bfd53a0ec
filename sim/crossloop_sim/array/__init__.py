"""Arrays by Kirchhoff's laws: wires, ends of lines, cells of any I-V law, faults, settling. `Array` is the way in."""

from crossloop_sim.array.array import Array, Currents
from crossloop_sim.array.laws import Cubic, Law, Ohmic, OneSelectorOneResistor, OneTransistorOneResistor, Sinh
from crossloop_sim.array.wiring import Break, Bridge, LineEnd, Lines, Wires

__all__ = [
    "Array", "Break", "Bridge", "Cubic", "Currents", "Law", "LineEnd", "Lines", "Ohmic", "OneSelectorOneResistor",
    "OneTransistorOneResistor", "Sinh", "Wires",
]  # fmt: skip
