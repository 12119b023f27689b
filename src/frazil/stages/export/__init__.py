"""Exports: what a session holds, as other programs take it. `frazil.stages.export.run` says how."""
