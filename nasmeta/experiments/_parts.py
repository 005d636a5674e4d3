"""Frames in several files, joined to one without more than one of them in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["join", "read"]

_ATTRS = b"PANDAS_ATTRS"  # where pandas keeps them


def join(parts: Iterable[IO[bytes]], to: IO[bytes], attrs: Mapping[str, Any]) -> None:
    """Write the rows of Parquet files, one after another, as one of the same columns; ``attrs`` are the frame's."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def wide(field: pa.Field) -> pa.Field:
        """Each part numbers its few categories in 8 bits, which may be too few for those of all."""
        if not pa.types.is_dictionary(field.type):
            return field
        return field.with_type(pa.dictionary(pa.int32(), field.type.value_type))

    writer = None
    try:
        for part in parts:
            table = pq.read_table(part)
            if writer is None:
                metadata = {**(table.schema.metadata or {}), _ATTRS: json.dumps(attrs).encode()}
                schema = pa.schema([wide(field) for field in table.schema], metadata)
                writer = pq.ParquetWriter(to, schema)
            writer.write_table(table.cast(schema))
    finally:
        if writer is not None:
            writer.close()


def read(file: IO[bytes]) -> pd.DataFrame:
    """Read a joined file, one column after another, so that it is in memory once."""
    import pandas as pd
    import pyarrow.parquet as pq

    source = pq.ParquetFile(file)
    columns = {name: source.read([name]).to_pandas()[name] for name in source.schema_arrow.names}
    frame = pd.DataFrame(columns, copy=False)
    frame.attrs = json.loads(source.schema_arrow.metadata[_ATTRS])
    return frame
