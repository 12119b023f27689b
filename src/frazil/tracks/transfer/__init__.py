"""File transfer: look for finished movies, and deliver each of them once."""

from frazil.tracks.transfer.body import TransferBody

__all__ = ["TransferBody"]
