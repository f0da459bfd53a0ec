"""The simulated analog world: cells, wires and front end behind the pins. Event driven, seeded per event."""

from crossloop_sim.plant.configuration import PlantConfiguration
from crossloop_sim.plant.ledger import Ledger
from crossloop_sim.plant.plant import Plant
from crossloop_sim.plant.presets import PRESETS, preset

__all__ = ["PRESETS", "Ledger", "Plant", "PlantConfiguration", "preset"]
