"""Pre-processing: every delivered movie becomes a micrograph, a CTF fit, picks and particle images.

`body.PreprocessBody` is what the track does; `planner` says which movies are next, `retry` what becomes of a
failure, `results` what an outcome changes in the catalogue, `inventory` where the track was when it begins.
"""

from frazil.tracks.preprocess.body import PreprocessBody

__all__ = ["PreprocessBody"]
