"""Frazil: live processing of single-particle cryo-EM data."""

__version__ = "0.1.0"
