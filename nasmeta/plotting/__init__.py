"""Figures: one style, one table of names and colours, panels, and display in notebooks."""

from nasmeta.plotting._facts import ShowsFacts as ShowsFacts
from nasmeta.plotting._names import task_title as task_title, value_label as value_label
from nasmeta.plotting._panels import (
    check_formats as check_formats,
    draw_grid as draw_grid,
    draw_line as draw_line,
    label_panels as label_panels,
    legend_below as legend_below,
    log_axis as log_axis,
    new_figure as new_figure,
    new_panels as new_panels,
    panel_titles as panel_titles,
    robust_limits as robust_limits,
    save_figure as save_figure,
    text_inches as text_inches,
    wrapped as wrapped,
)
from nasmeta.plotting._style import (
    COLOURS as COLOURS,
    PROPORTION as PROPORTION,
    WIDTHS as WIDTHS,
    Style as Style,
    Width as Width,
    highlighted as highlighted,
    house_style as house_style,
    inches as inches,
    points as points,
    style_at as style_at,
    styles as styles,
)

__all__: list[str] = []  # for other subpackages
