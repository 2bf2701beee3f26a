"""A model's card as types: what is read, what is refused, and by which key."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
from LungTumorSegLib.data import Options
from LungTumorSegLib.errors import ModelError, ModelMismatchError
from LungTumorSegLib.model.bundle import CARD, default_path
from LungTumorSegLib.model.card import Calibration, OperatingPoint, check_threshold, parse

PATH = Path("somewhere") / CARD


@pytest.fixture
def written() -> dict:
    """What stands in the bundled model's file."""
    return json.loads((default_path() / CARD).read_text("utf-8"))


def changed(written: dict, key: str, value) -> dict:
    """key: of an object in an object after a dot."""
    *objects, last = key.split(".")
    card = part = copy.deepcopy(written)
    for name in objects:
        part = part[name]
    part[last] = value
    return card


def test_the_bundled_card_is_read_as_it_is_written(written):
    card = parse(written, PATH)
    assert card.architecture.filters == tuple(written["architecture"]["filters"])
    assert card.offsets_mm == tuple(written["offsets_mm"]) and card.window_hu == (-1024.0, 600.0)
    assert card.threshold == written["threshold"] and card.files == written["files"]
    assert card.run_calibration == Calibration(**written["run_calibration"])
    assert card.confidence_coefficients.rating == written["confidence_coefficients"]["rating"]
    assert card.limits.slice_step_mm == tuple(written["limits"]["slice_step_mm"])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", 5),
        ("version", None),
        ("architecture", "unet2.5d"),
        ("architecture.filters", 16),
        ("architecture.slices", 5.0),
        ("architecture.slices", True),
        ("spacing_mm", "1.0"),
        ("spacing_mm", 0),
        ("window_hu", [-1024.0]),
        ("window_hu", {"low": -1024, "high": 600}),
        ("offsets_mm", []),
        ("offsets_mm", [-5, "0", 5]),
        ("prompt_sigma_mm", float("nan")),
        ("threshold", True),
        ("threshold", 29.5),
        ("run_threshold", "0.1"),
        ("map_calibration", 0.7),
        ("map_calibration.temperature", None),
        ("run_calibration.temperature", -1.0),
        ("confidence_coefficients.max_p", [1.0]),
        ("min_confidence", -0.1),
        ("classifier", [24, 48]),
        ("limits.slice_step_mm", [0.5]),
        ("int8", {"used": "yes"}),
        ("files", ["model.onnx"]),
        ("files", {"model.onnx": 16}),
    ],
)
def test_a_wrong_value_is_refused_with_its_key(written, key, value):
    with pytest.raises(ModelError) as refused:
        parse(changed(written, key, value), PATH)
    assert f" {key}" in str(refused.value) and str(PATH) in str(refused.value)


@pytest.mark.parametrize(
    "key",
    [
        "threshold",
        "prompt_sigma_mm",
        "architecture.filters",
        "map_calibration.offset",
        "confidence_coefficients.rating",
    ],
)
def test_a_missing_key_is_named(written, key):
    *objects, last = key.split(".")
    part = written
    for name in objects:
        part = part[name]
    del part[last]
    with pytest.raises(ModelError, match=f"lacks {key}"):
        parse(written, PATH)


@pytest.mark.parametrize("values", [None, [], "card", 1])
def test_what_is_no_object_is_no_card(values):
    with pytest.raises(ModelError, match="holds no card"):
        parse(values, PATH)


@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_only_the_cards_own_schema_number_decides_whether_it_is_read(written, schema):
    with pytest.raises(ModelMismatchError, match="schema"):
        parse({"schema": schema}, PATH)
    assert parse(written | {"version": "99.0"}, PATH).version == "99.0"


def test_what_is_not_known_is_ignored_at_every_level(written):
    card = parse(written, PATH)
    for key in ("later", "architecture.later", "map_calibration.later", "confidence_coefficients.later"):
        assert parse(changed(written, key, {"a": 1}), PATH) == card


def test_what_is_optional_may_be_missing_or_null(written):
    optional = ("run_threshold", "map_calibration", "run_calibration", "confidence_coefficients", "classifier", "int8")
    missing = {key: value for key, value in written.items() if key not in (*optional, "limits", "min_confidence")}
    card = parse(missing, PATH)
    assert card == parse(missing | dict.fromkeys(optional), PATH)
    assert card.min_confidence == 0 and card.limits.slice_step_mm is None


RANGE = {"from_mm": 0.0, "volume": [0.8, 1.3], "diameter": [0.9, 1.1]}


def test_a_card_may_say_how_far_sizes_may_be_off(written):
    assert parse(written, PATH).size_ranges == ()
    larger = RANGE | {"from_mm": 10}
    first, second = parse(written | {"size_ranges": [RANGE, larger]}, PATH).size_ranges
    assert first.volume == (0.8, 1.3) and second.from_mm == 10
    for wrong, key in (
        ([larger, RANGE], "size_ranges"),
        ([RANGE, RANGE], "size_ranges"),
        ([RANGE, larger | {"volume": [1.3, 0.8]}], r"size_ranges\[1\]\.volume"),
        ([RANGE | {"diameter": [0, 1]}], r"size_ranges\[0\]\.diameter"),
        ([{"from_mm": 0.0, "volume": [0.8, 1.3]}], r"size_ranges\[0\]\.diameter"),
    ):
        with pytest.raises(ModelError, match=key):
            parse(written | {"size_ranges": wrong}, PATH)


def test_a_chest_has_its_own_numbers_where_the_card_has_them():
    line, chest_line = Calibration(temperature=0.7, offset=0.0), Calibration(temperature=0.6, offset=-1.0)
    plain = OperatingPoint(threshold=0.3, map_calibration=line)
    own = replace(plain, run_threshold=0.1, run_calibration=chest_line)
    assert [plain.operating_threshold(Options(), chest) for chest in (True, False)] == [0.3, 0.3]
    assert [own.operating_threshold(Options(), chest) for chest in (True, False)] == [0.1, 0.3]
    assert [own.operating_threshold(Options(threshold=0.5), chest) for chest in (True, False)] == [0.5, 0.5]
    assert [plain.calibration(chest) for chest in (True, False)] == [line, line]
    assert [own.calibration(chest) for chest in (True, False)] == [chest_line, line]


def test_the_user_goes_before_the_card_also_with_no_confidence_at_all():
    point = OperatingPoint(threshold=0.3, min_confidence=0.2)
    assert point.operating_min_confidence(Options()) == 0.2
    assert point.operating_min_confidence(Options(min_confidence=0.0)) == 0.0


def test_the_operating_point_of_a_card_goes_through_json_alone(written):
    card = parse(written, PATH)
    kept = json.loads(json.dumps(card.to_json()))
    assert set(kept) < set(written)
    point = OperatingPoint.from_json(kept, "The scene")
    assert point.to_json() == card.to_json() and type(point) is OperatingPoint


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.99, None])
def test_a_threshold_that_candidates_reach_is_accepted(threshold):
    check_threshold(threshold)
