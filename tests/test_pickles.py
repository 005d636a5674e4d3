"""A pickle runs nothing."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from nasmeta.errors import DamagedFileError, UnsafePickleError
from nasmeta.pickles import NUMPY_ARRAYS, PickledArray, restricted_load


class Gadget:
    """Calls a function of its choice when a plain ``pickle.loads`` reads it."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_gadgets_are_refused_and_nothing_runs(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "ran"
    for gadget in (
        Gadget(os.system, f"touch {trace}"),
        Gadget(eval, f"open({str(trace)!r}, 'w')"),
        Gadget(exec, f"open({str(trace)!r}, 'w')"),
        Gadget(os.mkdir, str(trace)),
    ):
        content = pickle.dumps({"421211": [1.0, gadget]}, protocol)
        with pytest.raises(UnsafePickleError):
            restricted_load(io.BytesIO(content))
        assert not trace.exists()
    pickle.loads(content)  # the gadget is a real one
    assert trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'true'\ntR.",  # GLOBAL and REDUCE
        b"(S'true'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",  # STACK_GLOBAL
        b"\x80\x02cbuiltins\ngetattr\n.",
    ],
)
def test_every_way_to_a_global_is_closed(content: bytes) -> None:
    with pytest.raises(UnsafePickleError):
        restricted_load(io.BytesIO(content))


@given(st.binary(max_size=60).filter(lambda content: not set(content) & set(b"pr")))
def test_any_bytes_give_a_plain_object_or_our_error(content: bytes) -> None:
    # Without the opcodes of large memo indices, for which the unpickler allocates before it looks.
    try:
        found = restricted_load(io.BytesIO(content))
    except (DamagedFileError, UnsafePickleError):
        return
    assert type(found).__module__ == "builtins"


# -- stand-ins
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
        np.arange(4, dtype=">f4"),
        np.array(["a", 3, None], dtype=object),
        np.zeros((0, 3), dtype=np.float32),
        np.array([True, False]),
    ],
)
def test_arrays_come_through_their_stand_ins(array: Any, protocol: int) -> None:
    found = restricted_load(io.BytesIO(pickle.dumps({"values": array}, protocol)), NUMPY_ARRAYS)[
        "values"
    ]
    assert isinstance(found, PickledArray)
    np.testing.assert_array_equal(found.to_numpy(), array)
    assert found.to_numpy().dtype == array.dtype


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.zeros(2, dtype="f4,i4"), np.zeros(2, dtype="M8[s]")]
)
def test_arrays_of_other_kinds_are_refused(array: Any) -> None:
    with pytest.raises(DamagedFileError):
        restricted_load(io.BytesIO(pickle.dumps(array)), NUMPY_ARRAYS).to_numpy()


@given(st.data())
def test_mutated_arrays_give_an_array_or_our_error(data: st.DataObject) -> None:
    content = bytearray(
        pickle.dumps({"a": np.arange(12.0).reshape(3, 4), "b": np.array([1, "x"], dtype=object)})
    )
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(content) - 1))
        replaced = data.draw(st.integers(0, 255))
        # large memo indices, for which the unpickler allocates before it looks
        if replaced not in b"pr":
            content[position] = replaced
    try:
        found = restricted_load(io.BytesIO(bytes(content)), NUMPY_ARRAYS)
        for value in found.values() if isinstance(found, dict) else ():
            if isinstance(value, PickledArray):
                assert isinstance(value.to_numpy(), np.ndarray)
    except (DamagedFileError, UnsafePickleError):
        pass
