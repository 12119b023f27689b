"""Loading the libraries of a new worker beside the decoding of its first movie.

torch takes more than a second to import, on one core. Decoding needs none of it and leaves the interpreter
free, so both go on at the same time. Only what is loaded already may be used until `finish` was called: two
threads that import parts of the same library may see it half made.
"""

from __future__ import annotations

import sys
import threading

_LOADING_SWITCH_S = 0.0005
_SWITCH_S = sys.getswitchinterval()
_loader: threading.Thread | None = None


def begin() -> None:
    """Import what reads and decodes movies; begin to import everything else."""
    global _loader
    import frazil.stages.load_frames
    import frazil.stages.movie_task
    import frazil.stages.preprocess  # noqa: F401

    if _loader is None:
        # Imports hold the interpreter; what decodes needs it for a moment between frames and must not wait
        # for the usual 5 ms each time.
        sys.setswitchinterval(_LOADING_SWITCH_S)
        _loader = threading.Thread(target=_load, name="loading", daemon=True)
        _loader.start()


def finish() -> None:
    """Wait until everything is there. What can't be loaded is told where it is imported next."""
    if _loader is not None:
        _loader.join()


def _load() -> None:
    try:
        import frazil.stages.contrast_transfer
        import frazil.stages.extraction
        import frazil.stages.frames
        import frazil.stages.picking  # noqa: F401
    except ImportError:
        # The stage that needs it imports it again, and fails with this reason.
        return
    finally:
        sys.setswitchinterval(_SWITCH_S)
