"""Contrast transfer: its evaluation, and its estimate from power spectra."""
