"""What holds for any text, any JSON and any bytes, not only for those that somebody thought of (hypothesis)."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from LungTumorSegLib import record
from LungTumorSegLib.data import Options
from LungTumorSegLib.errors import ModelError, ModelMismatchError
from LungTumorSegLib.findings.packing import packed, unpacked
from LungTumorSegLib.geometry import Box
from LungTumorSegLib.model import onnx_content
from LungTumorSegLib.model.bundle import CARD, default_path
from LungTumorSegLib.model.card import Card, parse
from LungTumorSegLib.readers.data_files import _lies_beside
from LungTumorSegLib.worker import protocol

# the same inputs in each run, and no file of theirs beside the sources
settings.register_profile("here", derandomize=True, database=None, deadline=None, max_examples=100)
settings.load_profile("here")

NUMBERS = st.integers() | st.floats()
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=20),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=8), part, max_size=4),
    max_leaves=20,
)
CARD_VALUES = json.loads((default_path() / CARD).read_text("utf-8"))
MASKS = arrays.arrays(bool, arrays.array_shapes(min_dims=3, max_dims=3, max_side=9))


@given(MASKS)
def test_a_mask_comes_back_from_its_text(mask):
    assert np.array_equal(unpacked(packed(mask), Box((0, 0, 0), mask.shape)), mask)


@given(MASKS, st.tuples(*[st.integers(0, 10**6)] * 3))
def test_a_mask_in_another_box_is_refused_or_as_large_as_the_box(mask, shape):
    if (np.prod(shape, dtype=object) + 7) // 8 != (mask.size + 7) // 8:
        with pytest.raises(ValueError, match="does not fill"):
            unpacked(packed(mask), Box((0, 0, 0), shape))


@given(st.text() | JSON.map(json.dumps))
def test_any_line_is_a_message_with_type_and_id_or_none(line):
    message = protocol.parse(line)
    assert message is None or (isinstance(message["type"], str) and isinstance(message.get("id", ""), str))


@given(st.sampled_from(sorted(CARD_VALUES)), JSON)
def test_a_card_with_any_value_is_read_or_refused(key, value):
    try:
        assert isinstance(parse(CARD_VALUES | {key: value}, default_path() / CARD), Card)
    except ModelError as error:
        assert str(error).endswith(".")


@given(st.binary(max_size=200))
def test_any_bytes_are_no_onnx_file(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelMismatchError, match="is refused"):
        onnx_content.check(path)


@given(
    st.builds(
        Options,
        threshold=st.none() | st.floats(0.05, 0.99),
        min_diameter_mm=st.floats(0, 100),
        points_lps=st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 3), max_size=3).map(tuple),
        lung_restriction=st.booleans(),
        threads=st.none() | st.integers(1, 64),
    )
)
def test_options_go_through_json_and_come_back(options):
    assert record.options_from(json.loads(json.dumps(record.options_record(options)))) == options


@given(st.lists(st.sampled_from(["..", ".", "a", "s%d.raw", ""]), max_size=6), st.sampled_from("/\\"))
def test_a_name_that_climbs_lies_not_beside(tmp_path_factory, parts, separator):
    name = separator.join(parts)
    folder = tmp_path_factory.getbasetemp()
    if _lies_beside(name):
        assert (folder / name).resolve().is_relative_to(folder.resolve())
