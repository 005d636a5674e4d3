"""What can be built: search spaces, their architectures and the forms, neighbours, isomorphs and costs of these."""

from nasmeta.spaces._catalog import SPACES, get_cell_space, get_space
from nasmeta.spaces._cell_graph import IsomorphismRule, complete_edges, live_edges
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._content import from_content, to_content
from nasmeta.spaces._datasets import canonical_dataset, held_out_name
from nasmeta.spaces._disguise import disguised
from nasmeta.spaces._drawing import short_label
from nasmeta.spaces._enumerated_space import EnumeratedSpace
from nasmeta.spaces._features import CostFormula, CountFeature, choice_one_hot
from nasmeta.spaces._large_space import LargeSpace
from nasmeta.spaces._notation import CellCodec
from nasmeta.spaces._plot_cells import plot_cells
from nasmeta.spaces._positions import RANGE_STEPS, Choice, Position, Range, binned, place_values
from nasmeta.spaces._search_space import (
    Architecture,
    ArchitectureLike,
    SearchSpace,
)
from nasmeta.spaces._space_pairs import codes_by_level, move_cells, namesakes, reference_space

__all__ = [
    "RANGE_STEPS",
    "SPACES",
    "Architecture",
    "ArchitectureLike",
    "CellCodec",
    "CellSpace",
    "Choice",
    "CostFormula",
    "CountFeature",
    "EnumeratedSpace",
    "IsomorphismRule",
    "LargeSpace",
    "Position",
    "Range",
    "SearchSpace",
    "binned",
    "canonical_dataset",
    "choice_one_hot",
    "codes_by_level",
    "complete_edges",
    "disguised",
    "from_content",
    "get_cell_space",
    "get_space",
    "held_out_name",
    "live_edges",
    "move_cells",
    "namesakes",
    "place_values",
    "plot_cells",
    "reference_space",
    "short_label",
    "to_content",
]
