"""Official files of NAS-Bench-201 and its relatives, converted without their packages.

Reading (`_files`, `_unpickle`) hands on one cell's record after another, `_records` turns them into arrays, chunks of
which lie on disk until `_assemble` makes columns and learning curves (`_curve_file`) of them.
"""

from nasmeta.tables.official._import import Imported as Imported, import_official as import_official

__all__: list[str] = []  # `nasmeta.tables` has `import_official`
