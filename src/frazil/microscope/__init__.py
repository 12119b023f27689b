"""The virtual microscope: movies, micrographs and particles whose every number is known."""

from frazil.microscope.particles import ParticleTruth, SimulatedParticles, simulate_particles
from frazil.microscope.settings import ExposureSettings, random_exposure
from frazil.microscope.specimens import Specimen, available_specimens, load_specimen

__all__ = [
    "ExposureSettings",
    "ParticleTruth",
    "SimulatedParticles",
    "Specimen",
    "available_specimens",
    "load_specimen",
    "random_exposure",
    "simulate_particles",
]
