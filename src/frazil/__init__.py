"""Frazil: live processing of single-particle cryo-EM data."""

import os
from pathlib import Path

from frazil.kernel_cache import choose_kernel_cache

# NumPy asks the kernel for huge pages, which it must first clear and collect: touching a movie's gigabyte
# for the first time took 3 s that way and 0.7 s without (docs/decisions/0004-no-huge-pages.md).
os.environ.setdefault("NUMPY_MADVISE_HUGEPAGE", "0")

choose_kernel_cache(Path(__file__).parent / "compute")

__version__ = "0.1.0"
