"""File transfer: look for finished movies, and deliver each of them once."""
