"""What can be built: search spaces, their architectures and the forms, neighbours, isomorphs and costs of these."""

from nasmeta.spaces._architectures import Architecture, ArchitectureLike
from nasmeta.spaces._catalog import SPACES, get_cell_space, get_space
from nasmeta.spaces._cell_drawing import draw_cell
from nasmeta.spaces._cell_graph import complete_edges, live_edges
from nasmeta.spaces._cell_space import CellSpace
from nasmeta.spaces._content import from_content, to_content
from nasmeta.spaces._costs import CostFormula
from nasmeta.spaces._datasets import canonical_dataset, held_out_name
from nasmeta.spaces._drawing import Drawing, draw_choices
from nasmeta.spaces._features import CountFeature
from nasmeta.spaces._graph_drawing import draw_graph
from nasmeta.spaces._moving import move_cells, reference_space
from nasmeta.spaces._notation import Notation
from nasmeta.spaces._positions import Choice, Position
from nasmeta.spaces._search_space import SearchSpace

__all__ = [
    "SPACES",
    "Architecture",
    "ArchitectureLike",
    "CellSpace",
    "Choice",
    "CostFormula",
    "CountFeature",
    "Drawing",
    "Notation",
    "Position",
    "SearchSpace",
    "canonical_dataset",
    "complete_edges",
    "draw_cell",
    "draw_choices",
    "draw_graph",
    "from_content",
    "get_cell_space",
    "get_space",
    "held_out_name",
    "live_edges",
    "move_cells",
    "reference_space",
    "to_content",
]
