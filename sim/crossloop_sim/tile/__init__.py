"""Whole tiles at the speed of the CPU, for algorithm work without pins: products and pulsed updates."""

from crossloop_sim.tile.network import TileNetwork
from crossloop_sim.tile.tile import AnalogTile, TileSettings

__all__ = ["AnalogTile", "TileNetwork", "TileSettings"]
