"""Motion of the specimen during an exposure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def cubic_bspline_weights(position: ArrayLike, nodes: int) -> NDArray[np.float64]:
    """Weights of ``nodes`` uniform cubic B-splines on [0, 1].

    Parameters
    ----------
    position
        Any shape (...); values outside [0, 1] are clipped.
    nodes
        Number of control values, at least 4; node ``i`` is centred on ``(i - 1) / (nodes - 3)``.

    Returns
    -------
    weights
        Shape (..., nodes); each row sums to one and has at most four non-zero values.
    """
    x = np.clip(np.asarray(position, dtype=np.float64), 0.0, 1.0)[..., None] * (nodes - 3)
    distance = np.abs(x - (np.arange(nodes) - 1.0))
    inner = 2.0 / 3.0 - distance**2 + distance**3 / 2.0
    outer = np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0
    return np.where(distance < 1.0, inner, outer)


@dataclass(frozen=True)
class MotionField:
    """Where the specimen was in each frame, relative to the first used frame.

    ``displacement_a(x, y)[f]`` is u_f: the specimen seen at (x, y) in the first used frame lies at
    (x, y) + u_f / pixel_size in frame f, so that ``aligned(x) = frame_f(x + u_f)``. The shift that
    RELION stores is ``-u_f / pixel_size``. Pairs are ordered (x, y): column, row.

    Attributes
    ----------
    width_px, height_px, pixel_size_a
        Size and pixel (Å) of the movie as stored, in our frame of reference.
    global_shift_a
        Shape (F, 2): u_f of the whole field, Å; first used frame is zero.
    global_error_a
        Shape (F, 2): one standard deviation of the above from the curvature of the fit, Å.
    local_nodes_a
        Shape (F, gy, gx, 2): control values of a cubic B-spline over the field that adds to the global
        shift, Å; None where the motion is global only. The first used frame is zero.
    note
        Why the model is what it is (for instance why the local model was dropped), for the log.
    """

    width_px: int
    height_px: int
    pixel_size_a: float
    global_shift_a: NDArray[np.float64]
    global_error_a: NDArray[np.float64]
    local_nodes_a: NDArray[np.float64] | None = None
    note: str = ""
    diagnostics: dict[str, float] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Number of frames F."""
        return int(self.global_shift_a.shape[0])

    def local_shift_a(self, x_px: ArrayLike, y_px: ArrayLike) -> NDArray[np.float64]:
        """Motion relative to the global track at positions (...): shape (F, ..., 2), Å."""
        x = np.asarray(x_px, dtype=np.float64)
        y = np.asarray(y_px, dtype=np.float64)
        if self.local_nodes_a is None:
            return np.zeros((self.frames, *np.broadcast_shapes(x.shape, y.shape), 2))
        grid_y, grid_x = self.local_nodes_a.shape[1:3]
        weights_x = cubic_bspline_weights(x / max(self.width_px - 1, 1), grid_x)
        weights_y = cubic_bspline_weights(y / max(self.height_px - 1, 1), grid_y)
        shift: NDArray[np.float64] = np.einsum(
            "...j,...i,fjic->f...c", weights_y, weights_x, self.local_nodes_a
        )
        return shift

    def displacement_a(self, x_px: ArrayLike, y_px: ArrayLike) -> NDArray[np.float64]:
        """Total displacement u_f at positions (...) of the unbinned movie: shape (F, ..., 2), Å."""
        local = self.local_shift_a(x_px, y_px)
        return local + self.global_shift_a.reshape(self.frames, *([1] * (local.ndim - 2)), 2)

    @classmethod
    def still(cls, frames: int, width_px: int, height_px: int, pixel_size_a: float) -> MotionField:
        """No motion at all."""
        zero = np.zeros((frames, 2))
        return cls(width_px, height_px, pixel_size_a, zero, zero.copy())
