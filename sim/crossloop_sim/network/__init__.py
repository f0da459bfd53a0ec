"""Analog networks without converters between layers: crossbars joined by diodes and amplifiers, and neurons with delay."""

from crossloop_sim.network.equilibrium import Equilibrium
from crossloop_sim.network.resistive import Clamp, Diode, ResistiveNetwork

__all__ = ["Clamp", "Diode", "Equilibrium", "ResistiveNetwork"]
