"""Particle picking without references."""

from frazil.compute.picking.contamination import ContaminationMask
from frazil.compute.picking.pick import PickingResult, find_particles, pick_particles

__all__ = ["ContaminationMask", "PickingResult", "find_particles", "pick_particles"]
