"""How a cost grows with a size: per unit, and with which power."""

from __future__ import annotations

import math
from collections.abc import Sequence

# Less growth than this share of the first cost may be noise of the measurement.
CLEARLY = 0.2


def per_unit(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return by how much the cost grows with each unit: the slope of the line of least squares."""
    mean_size, mean_cost = sum(sizes) / len(sizes), sum(costs) / len(costs)
    spread = sum((size - mean_size) ** 2 for size in sizes)
    pairs = zip(sizes, costs, strict=True)
    return sum((size - mean_size) * (cost - mean_cost) for size, cost in pairs) / spread


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float | None:
    """Return the power of the size with which the cost above that of the first size grows.

    Args:
        sizes: Growing sizes.
        costs: Cost of each.

    Returns:
        The slope of least squares between the logarithms, of the sizes that cost clearly more than
        the first; None if there are fewer than two.
    """
    above = [
        (math.log(size - sizes[0]), math.log(cost - costs[0]))
        for size, cost in zip(sizes, costs, strict=True)
        if cost >= costs[0] * (1 + CLEARLY)
    ]
    return per_unit(*zip(*above, strict=True)) if len(above) > 1 else None
