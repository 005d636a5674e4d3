"""What can be built: cell spaces, their cells and the forms, neighbours, isomorphs and costs of cells."""

from nasmeta.spaces._catalog import SPACES, get_space
from nasmeta.spaces._cell_forms import Cell, CellLike, Notation
from nasmeta.spaces._cell_space import CellSpace, CostFormula
from nasmeta.spaces._datasets import canonical_dataset, held_out_name
from nasmeta.spaces._moving import move_cells

__all__ = [
    "SPACES",
    "Cell",
    "CellLike",
    "CellSpace",
    "CostFormula",
    "Notation",
    "canonical_dataset",
    "get_space",
    "held_out_name",
    "move_cells",
]
