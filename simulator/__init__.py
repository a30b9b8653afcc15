"""The GivEnergy Cloud API in miniature, served on loopback."""

from simulator.config import SimulatorConfig, TokenGrant
from simulator.simulator import Simulator

__all__ = ["Simulator", "SimulatorConfig", "TokenGrant"]
