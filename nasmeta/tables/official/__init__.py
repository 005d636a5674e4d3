"""The import of official files of NAS-Bench-201 and NATS-Bench, without their packages."""

from nasmeta.tables.official._import import Imported as Imported, import_official as import_official

__all__: list[str] = []  # `nasmeta.tables` has `import_official`
