"""The words everybody shares: settings, optics, motion, CTF, picks, results. No I/O, no torch."""
