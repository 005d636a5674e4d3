"""What can be built: search spaces, their architectures and the forms, neighbours, isomorphs and costs of these."""

from nasmeta.spaces._catalog import SPACES as SPACES, get_cell_space as get_cell_space, get_space
from nasmeta.spaces._cell_graph import (
    IsomorphismRule as IsomorphismRule,
    complete_edges as complete_edges,
    live_edges as live_edges,
)
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._content import from_content as from_content, to_content as to_content
from nasmeta.spaces._datasets import canonical_dataset as canonical_dataset, held_out_name as held_out_name
from nasmeta.spaces._drawing import short_label as short_label
from nasmeta.spaces._features import CostFormula as CostFormula, choice_one_hot as choice_one_hot
from nasmeta.spaces._moving import (
    move_cells as move_cells,
    namesakes as namesakes,
    reference_space as reference_space,
)
from nasmeta.spaces._notation import CellCodec as CellCodec
from nasmeta.spaces._plot_cells import plot_cells
from nasmeta.spaces._positions import Choice as Choice, Position
from nasmeta.spaces._search_space import (
    Architecture as Architecture,
    ArchitectureLike as ArchitectureLike,
    SearchSpace,
)

__all__ = [
    "CellSpace",
    "Position",
    "SearchSpace",
    "get_space",
    "plot_cells",
]
