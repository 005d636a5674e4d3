"""The spaces of the families that the package brings: sizes, orders, isomorphism, what is written and read."""

from __future__ import annotations

import numpy as np
import pytest

from nasmeta.errors import ArchitectureError
from nasmeta.spaces import get_space

SIZES = {
    "fcnet": 62_208,
    "graph": 26_206,
    "graphgym": 96,
    "hpobench-mlp": 30_000,
    "nbmacro": 6_561,
    "step-law": 288,
    "tnb101-macro": 3_256,
}


@pytest.mark.parametrize("name", SIZES)
def test_a_space_has_its_size_and_reads_what_it_writes(name: str) -> None:
    space = get_space(name)
    assert space.size == SIZES[name]
    some = space.sample(60, np.random.default_rng(0))
    assert np.array_equal(space.index_of(space.to_string(some)), some)
    for feature in space.kernel_features:
        assert space.feature(feature).counts.shape[0] == space.size


class TestGraph:
    def test_59_049_combinations_are_the_keys_of_the_files_and_one_that_is_none(self) -> None:
        space = get_space("graph")
        assert len(space.raw_codes) == 59_049 - 9
        with pytest.raises(ArchitectureError):
            space.index_of("0123:skip,skip,skip,skip")

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("0000:gat,gcn,fc,sage", "0000:sage,gat,fc,gcn"),  # the order of siblings
            ("0123:gat,skip,gcn,fc", "0123:skip,gat,gcn,fc"),  # a skip on the way
            ("0012:fc,gat,gcn,sage", "0012:gat,fc,sage,gcn"),  # two branches
            ("0000:gat,gcn,cheb,skip", "0111:skip,gat,gcn,cheb"),  # the bare input beside others
        ],
    )
    def test_the_same_network_is_one_architecture(self, one: str, other: str) -> None:
        space = get_space("graph")
        assert space.index_of(one) == space.index_of(other)

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("0123:gat,gcn,fc,sage", "0123:gcn,gat,fc,sage"),
            # a skip that brings a node's output to the output
            (
                "0122:gat,gcn,skip,fc",
                "0123:gat,gcn,skip,fc",
            ),
        ],
    )
    def test_others_are_not(self, one: str, other: str) -> None:
        space = get_space("graph")
        assert space.index_of(one) != space.index_of(other)

    def test_features_count_what_is_alive(self) -> None:
        space = get_space("graph")

        def counts(feature: str, architecture: str) -> dict[str, int]:
            found = space.feature(feature)
            row = found.counts[space.index_of(architecture)].tolist()
            return {name: n for name, n in zip(found.names, row, strict=True) if n}

        network = "0122:skip,gat,gcn,skip"  # input → gat → gcn, and gat's output beside it
        assert counts("operations", network) == {"gat": 1, "gcn": 1, "skip": 1}
        assert counts("pairs", network) == {
            "input→gat": 1, "gat→gcn": 1, "gat→skip": 1, "gcn→output": 1, "skip→output": 1,
        }  # fmt: skip
        assert counts("shape", network) == {"nodes": 3, "depth": 2, "outputs": 2}
        assert counts("depths", network) == {"gat@1": 1, "gcn@2": 1, "skip@2": 1}
        assert counts("paths", network) == {"length 2": 2, "gat": 2, "gcn": 1, "skip": 1}

    def test_a_key_of_the_benchmark_is_read(self) -> None:
        space = get_space("graph")
        assert space.to_string(space.index_of("30743")) == "0012:gat,fc,sage,cheb"
        for wrong in ("30793", "0021:gat,gat,gat,gat", "0012:gat,gat,gat", "0012:gat,gat,gat,lstm"):
            with pytest.raises(ArchitectureError):
                space.index_of(wrong)


class TestMacro:
    def test_the_order_of_transnas(self) -> None:
        space = get_space("tnb101-macro")
        assert space.to_string([0, 1, 2]) == ["4111", "2311", "2131"]
        lengths = np.array([len(text) for text in space.to_string(np.arange(space.size))])
        assert [int((lengths == n).sum()) for n in (4, 5, 6)] == [210, 750, 2296]
        assert (np.diff(lengths) >= 0).all()

    def test_layers_that_do_not_exist(self) -> None:
        space = get_space("tnb101-macro")
        for wrong in ("111", "1111", "4444", "222211", "41115"):
            with pytest.raises(ArchitectureError):
                space.index_of(wrong)

    def test_widths_and_resolutions_add_up(self) -> None:
        space = get_space("tnb101-macro")
        network = space.index_of("22311")
        assert space.feature("widths").counts[network].tolist() == [1, 2, 2, 2, 2, 2]
        assert space.feature("resolutions").counts[network].tolist() == [0, 0, 1, 1, 1, 1]

    def test_identical_networks_of_nas_bench_macro(self) -> None:
        space = get_space("nbmacro")
        canonical = space.canonical(np.arange(space.size))
        assert len(np.unique(canonical)) == 3_969
        assert space.canonical("01010201") == space.canonical("01001210")
        # the strided layer counts
        assert space.canonical("10011011") != space.canonical("01011011")
        for feature in space.kernel_features:
            counts = space.feature(feature).counts
            assert np.array_equal(counts, counts[canonical])
