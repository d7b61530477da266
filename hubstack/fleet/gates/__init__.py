"""Gates: what must hold after a stack was deployed, beyond what the engine itself has waited for."""

from __future__ import annotations

from hubstack.fleet.gates.check import Result, Target, check
from hubstack.fleet.gates.diagnosis import diagnose

__all__ = ["Result", "Target", "check", "diagnose"]
