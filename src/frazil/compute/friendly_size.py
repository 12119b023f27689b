"""Sizes of boxes that Fourier transforms are fast for."""

from __future__ import annotations


def friendly_size(least: int) -> int:
    """Smallest even product of 2, 3, 5 and 7 that is at least ``least``."""
    size = max(least + least % 2, 2)
    while _largest_factor(size) > 7:
        size += 2
    return size


def _largest_factor(number: int) -> int:
    largest = 1
    for prime in (2, 3, 5, 7):
        while number % prime == 0:
            number //= prime
            largest = prime
    return max(largest, number)
