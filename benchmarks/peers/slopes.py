"""How a cost grows with a size: per unit, and with which power."""

from __future__ import annotations

import math
from collections.abc import Sequence


def per_unit(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return by how much the cost grows with each unit: the slope of the line of least squares."""
    mean_size, mean_cost = sum(sizes) / len(sizes), sum(costs) / len(costs)
    spread = sum((size - mean_size) ** 2 for size in sizes)
    pairs = zip(sizes, costs, strict=True)
    return sum((size - mean_size) * (cost - mean_cost) for size, cost in pairs) / spread


def exponent(sizes: Sequence[float], costs: Sequence[float], least: float) -> float | None:
    """Return the power of the size with which the cost above that of the first size grows.

    Args:
        sizes: Growing sizes.
        costs: Cost of each.
        least: Growth below it is noise of the measurement; such sizes are left out.

    Returns:
        The slope of least squares between the logarithms; None if fewer than two sizes cost more.
    """
    above = [
        (math.log(size - sizes[0]), math.log(cost - costs[0]))
        for size, cost in zip(sizes, costs, strict=True)
        if cost - costs[0] >= least
    ]
    return per_unit(*zip(*above, strict=True)) if len(above) > 1 else None
