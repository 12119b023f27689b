"""2D classification: maximum likelihood in polar harmonics.

`classify` does it all. Inside: `polar` (grid and harmonics), `transfer` (CTF), `particles` (samples of the
images), `expect` and `maximise` (the two steps), `engine` (passes over folds), `structure` (splitting and
giving up classes), `schedule` (coarse to fine), `render` (pictures).
"""

from frazil.compute.classify2d.classify import classify

__all__ = ["classify"]
