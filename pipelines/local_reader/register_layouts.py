"""Which blocks of registers an inverter has, by its model, and which its row needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from givenergy_modbus.model.gateway import select_gateway
from givenergy_modbus.model.inverter import Model, SinglePhaseInverter
from givenergy_modbus.model.inverter_threephase import ThreePhaseInverter
from givenergy_modbus.model.manifest import has_capability
from givenergy_modbus.model.register_cache import RegisterCache

from pipelines.local_reader.register_points import (
    gateway_point,
    single_phase_point,
    three_phase_point,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of registers that one request reads: `IR` input registers, `HR` holding registers."""

    first: int
    count: int = 60
    kind: str = "IR"

    def __str__(self) -> str:
        """Return it as `IR(0,60)`."""
        return f"{self.kind}({self.first},{self.count})"


@dataclass(frozen=True, slots=True)
class Layout:
    """What to read of an inverter, and how to decode it.

    Attributes:
        blocks: The blocks without which there is no row.
        extra_blocks: Blocks that some lack; the columns of one that is not answered are null.
        decode: Makes the library's model of the registers.
        point: Makes the data point of that model.
        has_utc_days: Whether a day of data points is one of UTC, as of a Gateway.
    """

    blocks: tuple[Block, ...]
    extra_blocks: tuple[Block, ...]
    decode: Callable[[RegisterCache], Any]
    point: Callable[[Any], dict[str, Any]]
    has_utc_days: bool = False


_SINGLE_PHASE = Layout(
    blocks=(Block(0),),
    extra_blocks=(Block(180),),
    decode=SinglePhaseInverter.from_register_cache,
    point=single_phase_point,
)
_THREE_PHASE = Layout(
    blocks=(Block(1000), Block(1060), Block(1120), Block(1360, 54)),
    extra_blocks=(Block(1180),),
    decode=ThreePhaseInverter.from_register_cache,
    point=three_phase_point,
)
_GATEWAY = Layout(
    blocks=(Block(1600), Block(1660)),
    extra_blocks=(Block(1780),),
    decode=select_gateway,
    point=gateway_point,
    has_utc_days=True,
)


def layout_of(model: Model) -> Layout | None:
    """Return what to read of a model; None if it has no readings of its own, as an EMS."""
    if has_capability("is_ems", model):
        return None
    if has_capability("is_gateway", model):
        return _GATEWAY
    return _THREE_PHASE if has_capability("is_three_phase", model) else _SINGLE_PHASE
