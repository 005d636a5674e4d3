"""The files of a meta-training, none of which is replaced unasked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasmeta.errors import DamagedFileError, SettingError
from nasmeta.meta._model_file import SavedMetaModel
from nasmeta.meta._shipped import load_meta_model
from nasmeta.places import checked_path


@dataclass(frozen=True)
class TrainingFiles:
    """Where a meta-training writes: ``x.npz``, ``x.losses.csv`` and ``x.checkpoint``."""

    model: Path
    losses: Path
    checkpoint: Path

    @classmethod
    def of(cls, out: Any) -> TrainingFiles:
        """Return the files beside a model's, which must be one that can be written."""
        path = checked_path("out", out)
        if path.suffix != ".npz" or path.is_dir() or not path.parent.is_dir():
            raise SettingError(f"{path} cannot be written: name a file that ends in .npz, in a folder that exists.")
        return cls(path, path.with_suffix(".losses.csv"), path.with_suffix(".checkpoint"))

    @property
    def stamp(self) -> tuple[int, int] | None:
        """Which file the model's is: it changes when another takes its place; None where there is none."""
        if not self.model.exists():
            return None
        found = self.model.stat()
        return found.st_ino, found.st_mtime_ns

    def prepare(self, training: str, *, resume: bool, overwrite: bool) -> SavedMetaModel | None:
        """Make way for a training, as far as that is asked for; return its model where it is finished already.

        A file of another `training` (`training_digest`), or one that nobody said to go on from, is a SettingError.
        """
        if self.model.exists() and (resume or not overwrite):
            with suppress(*[DamagedFileError] * overwrite):
                if resume and (saved := load_meta_model(self.model)).card.get("training") == training:
                    return saved
            if not overwrite:
                other = "holds the model of another training" if resume else "is there already"
                beside = " beside resume" if resume else ""
                raise SettingError(
                    f"{self.model} {other}: name another file, or replace it with overwrite (--overwrite){beside}."
                )
        if resume and self.checkpoint.exists():
            return None
        if not (resume or overwrite):
            if self.checkpoint.exists():
                raise SettingError(
                    f"{self.checkpoint} is there, of a training that was stopped: go on with resume (--resume), "
                    "or begin anew with overwrite (--overwrite)."
                )
            if self.losses.exists():
                raise SettingError(
                    f"{self.losses} is there, and the losses would go to it: replace it with overwrite (--overwrite), "
                    "or name another file."
                )
        self.checkpoint.unlink(missing_ok=True)
        self.losses.unlink(missing_ok=True)
        return None
