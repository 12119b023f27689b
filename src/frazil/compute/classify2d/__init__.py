"""2D classification: maximum likelihood in polar harmonics.

`classify` does a whole stack; `run.Run` goes on as particles come. Inside: `polar` and `band` (grid,
harmonics, layout), `transfer` (CTF), `sampler` and `prepared` (from images to orders), `bank` (what is known
of the particles), `references`, `score`, `choose`, `expectation` (one step), `deposit`, `sums` (the other),
`engine` (visits), `exchange` (splitting and giving up classes), `schedule` (coarse to fine), `cycle`
(scheduled modes), `render`, `present`, `quality` (results). `lane_fft` and `lane_math` carry the kernels.
"""

from frazil.compute.classify2d.classify import classify

__all__ = ["classify"]
