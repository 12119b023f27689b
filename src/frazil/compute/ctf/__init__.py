"""Contrast transfer: its evaluation, and its estimate from power spectra.

`model` evaluates the CTF. An estimate runs `spectra` (tiles) -> `polar` (cells) -> `search` (where are the
rings) -> `whittle` and `noise` (likelihood, error bars) -> `profile` and `score` (how far it holds), all
called by `estimate`; `tilt` and `picture` come after it.
"""
