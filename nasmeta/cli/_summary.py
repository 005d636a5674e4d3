"""What `nasmeta compare` and `nasmeta demo` show of a comparison at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nasmeta.cli._cli_utils import console, print_table

if TYPE_CHECKING:
    from nasmeta.analysis import ComparisonSummary


def print_summary(summary: ComparisonSummary) -> None:
    """Print a table a task: the best value so far after some budgets, and how often the optimum was found."""
    from nasmeta.analysis._tables import number_or_dash, spread

    terminal = console()
    for of_task in summary.tasks:
        known = bool(of_task.table["share_solved"].notna().any())
        numbers = [*(f"after {n}" for n in of_task.budgets), *of_task.by_seconds, *["found", "needed"] * known]
        rows = []
        for row in of_task.table.to_dict("records"):
            name = str(row["searcher"])
            rows.append(
                [
                    name,
                    *(spread(row[f"value_at_{n}"], row[f"value_at_{n}_std"]) for n in of_task.budgets),
                    *(texts.get(name, "–") for texts in of_task.by_seconds.values()),
                    f"{row['share_solved'] * row['runs'] / of_task.asked[name]:.0%}" if known else "–",
                    number_or_dash(row["evaluations_to_optimum"], ".1f"),
                ][: 1 + len(numbers)]
            )
        print_table(["searcher", *numbers], rows, of_task.title, right=numbers)
    if summary.tasks:
        values = summary.by_seconds or (
            "after n: best value after n evaluations, mean ± standard deviation over the runs"
        )
        terminal.print(values)
        if any(of_task.table["share_solved"].notna().any() for of_task in summary.tasks):
            terminal.print(
                "found: share of the runs that evaluated the best cell of the table or surrogate\n"
                "needed: mean number of evaluations until then, where all runs found it"
            )
    for remark in summary.remarks:
        terminal.print(remark)
    if summary.tasks:
        terminal.print()
