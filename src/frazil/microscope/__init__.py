"""The virtual microscope: movies, micrographs and particles whose every number is known."""

from frazil.microscope.exposure import (
    SimulatedMicrograph,
    SimulatedMovie,
    simulate_micrograph,
    simulate_movie,
)
from frazil.microscope.particles import ParticleTruth, SimulatedParticles, simulate_particles
from frazil.microscope.placement import ParticleTable
from frazil.microscope.settings import ExposureSettings, random_exposure
from frazil.microscope.specimens import Specimen, available_specimens, load_specimen
from frazil.microscope.truth import ExposureTruth

__all__ = [
    "ExposureSettings",
    "ExposureTruth",
    "ParticleTable",
    "ParticleTruth",
    "SimulatedMicrograph",
    "SimulatedMovie",
    "SimulatedParticles",
    "Specimen",
    "available_specimens",
    "load_specimen",
    "random_exposure",
    "simulate_micrograph",
    "simulate_movie",
    "simulate_particles",
]
