"""Lesions that the table does not list: in results, in files, and through what a user changes."""

import csv
import json
from dataclasses import replace

import nrrd
import numpy as np
import pytest
from LungTumorSegLib import record as records
from LungTumorSegLib.data import Options, apart
from LungTumorSegLib.enums import Status
from LungTumorSegLib.findings.history import History
from LungTumorSegLib.findings.review import Findings
from LungTumorSegLib.writers import result_files

from Testing.support import results
from Testing.support.blocks import ball, blank, candidate, extracted, rating

CARD = replace(rating(intercept=-20.0, mean_p=25.0), min_confidence=0.5)
PLACES = (20, 15, 15), (20, 45, 45), (20, 12, 45), (20, 45, 12)
RADII_AND_P = (10, 0.72), (5, 0.97), (7, 0.95), (8, 0.76)  # confidences of 0.12, 0.99, 0.98 and 0.27


@pytest.fixture
def ct():
    return blank()


@pytest.fixture
def found(ct) -> Findings:
    """Lesions 1 and 2 are listed; 3, of 16 mm, and 4, of 20, are less likely."""
    given = [candidate(ct, ball(ct, at, *of)) for at, of in zip(PLACES, RADII_AND_P, strict=True)]
    lesions, masks, *less_likely = apart(*extracted(ct, *given, card=CARD))
    plain = {"lungs": None, "options": Options(), "probability": None}
    more = {"lesions": lesions, "masks": masks, "less_likely": less_likely[0], "less_likely_masks": less_likely[1]}
    return Findings(ct, results.make_result(ct, candidates=tuple(given), **plain, **more), CARD)


def ids(lesions) -> list[int]:
    return [lesion.id for lesion in lesions]


def standing(findings) -> tuple:
    return findings.lesions, findings.less_likely, findings.names


def same(findings, other) -> bool:
    masks = zip(findings.as_result().outlines, other.as_result().outlines, strict=True)
    return standing(findings) == standing(other) and all(np.array_equal(a, b) for (_, a), (_, b) in masks)


# ---- results and files


def test_a_result_with_less_likely_lesions_comes_back_whole(tmp_path):
    ct = results.make_ct()
    result = results.with_less_likely(results.make_result(ct))
    records.save(result, ct, tmp_path)
    results.assert_same(records.load(tmp_path), result)


def test_a_record_of_before_has_none_that_is_less_likely(tmp_path):
    ct = results.make_ct()
    result = results.make_result(ct)
    records.save(result, ct, tmp_path)
    path = tmp_path / records.JSON_NAME
    values = json.loads(path.read_text("utf-8"))
    for lesion in values["lesions"]:
        assert lesion.pop("listed") is True
    path.write_text(json.dumps(values), "utf-8")
    results.assert_same(records.load(tmp_path), result)


def test_table_and_json_have_them_last_and_the_segmentation_and_pictures_not(tmp_path):
    ct = results.make_ct()
    result = results.with_less_likely(results.make_result(ct))
    result_files.save(result, ct, tmp_path / "out", with_pictures=True)
    with (tmp_path / "out" / "lesions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["listed"]) for row in rows] == [("1", "true"), ("2", "true"), ("3", "true"), ("4", "false")]
    assert rows[3]["name"] == "Lesion 4" and rows[3]["long_axis_mm"] == "3.5"
    record = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    assert [lesion["listed"] for lesion in record["lesions"]] == [True, True, True, False]
    assert record["schema"] == 2
    header = nrrd.read_header(str(tmp_path / "out" / "segmentation.seg.nrrd"))
    assert header["Segment2_Name"] == "Lesion 3" and "Segment3_ID" not in header
    plain = tmp_path / "plain"
    result_files.save(results.make_result(ct), ct, plain, with_pictures=True)
    assert sorted(path.name for path in plain.iterdir()) == record["files"]
    for path in plain.glob("*.png"):
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()
    written = [nrrd.read(str(folder / "segmentation.seg.nrrd")) for folder in (plain, tmp_path / "out")]
    assert np.array_equal(written[0][0], written[1][0]) and str(written[0][1]) == str(written[1][1])


# ---- what the user changes


def test_the_minimum_confidence_moves_lesions_between_both_there_and_back(found):
    assert (ids(found.lesions), ids(found.less_likely)) == ([1, 2], [3, 4])
    found.rename(3, "Hilum")
    before = standing(found)
    found.change(min_confidence=0.2)
    assert (ids(found.lesions), ids(found.less_likely)) == ([1, 2, 3], [4])
    found.change(min_confidence=0.0)
    assert (ids(found.lesions), ids(found.less_likely)) == ([1, 2, 3, 4], [])
    assert all(lesion.listed for lesion in found.lesions) and found.names[3] == "Hilum"
    found.change(min_confidence=0.985)
    assert (ids(found.lesions), ids(found.less_likely)) == ([2], [1, 3, 4])
    found.change(min_confidence=None)
    assert standing(found) == before


def test_an_accepted_one_is_listed_for_good(found):
    found.set_status(4, "accepted")
    assert (ids(found.lesions), ids(found.less_likely)) == ([1, 2, 4], [3])
    assert found.lesion(4).listed and found.lesion(4).status == Status.ACCEPTED and found.mask(4).any()
    for least in (1.0, 0.0, 0.99):
        found.change(min_confidence=least)
        assert 4 in ids(found.lesions)
    found.change(threshold=0.9)
    assert 4 not in ids((*found.lesions, *found.less_likely))  # nothing of it is left at this threshold
    found.change(threshold=None, min_confidence=None)
    assert (ids(found.lesions), ids(found.less_likely)) == ([1, 2, 4], [3])
    found.set_status(4, "rejected")
    assert ids(found.lesions) == [1, 2, 4] and found.lesion(4).status == Status.REJECTED


def test_what_was_rejected_stays_so_on_both_sides_of_the_border(found):
    found.set_status(2, "rejected")
    found.change(min_confidence=1.0)
    assert found.any_lesion(2).status == Status.REJECTED and 2 in ids(found.less_likely)
    found.set_status(2, "accepted")
    assert found.lesion(2).status == Status.ACCEPTED


def test_a_less_likely_one_is_no_lesion_of_the_table(found):
    with pytest.raises(KeyError):
        found.lesion(3)
    with pytest.raises(KeyError):
        found.any_lesion(5)
    middle = tuple(found.ct.geometry.lps(PLACES[3]))
    assert found.lesion_at(middle) is None
    found.set_status(3, "accepted")
    assert found.lesion_at(middle) == 3


def test_a_click_lists_what_was_less_likely(found):
    ct = found.ct
    at_it = candidate(ct, ball(ct, PLACES[3], 8, 0.76), point_lps=tuple(ct.geometry.lps(PLACES[3])))
    lesions, masks = extracted(ct, at_it, card=CARD)
    clicked = results.make_result(ct, candidates=(at_it,), lesions=lesions, masks=masks)
    assert found.add(clicked) == [3]
    assert (ids(found.lesions), ids(found.less_likely)) == ([1, 2, 3], [4])


def test_accepting_can_be_taken_back_and_made_again(found):
    history, before = History(), standing(found)
    with history.step(found):
        found.set_status(4, "accepted")
    after = standing(found)
    found.recall(history.undo([found]).before)
    assert standing(found) == before
    found.change(min_confidence=0.6)
    assert 4 in ids(found.less_likely)
    found.change(min_confidence=None)
    found.recall(history.redo([found]).after)
    assert standing(found) == after
    found.change(min_confidence=0.6)
    assert 4 in ids(found.lesions)


def test_everything_comes_back_from_the_state(found):
    found.set_status(4, "accepted")
    found.rename(3, "Hilum")
    state = json.loads(json.dumps(found.state(), default=lambda number: number.item()))
    again = Findings(found.ct, found.result, CARD)
    again.restore(state)
    assert same(again, found)
    for findings in (again, found):
        findings.change(min_confidence=0.2)
    assert same(again, found) and ids(again.lesions) == [1, 2, 3, 4]
    for findings in (again, found):
        findings.change(min_confidence=1.0)
    assert same(again, found) and ids(again.lesions) == [4]


def test_a_state_of_before_has_none_that_is_less_likely(found):
    found.change(min_confidence=0.0)
    state = json.loads(json.dumps(found.state(), default=lambda number: number.item()))
    assert state.pop("less_likely") == [] and state.pop("promoted") == []
    for lesion in state["lesions"]:
        del lesion["listed"]
    again = Findings(found.ct, found.result, CARD)
    again.restore(state)
    assert same(again, found) and again.less_likely == ()


def test_what_the_user_draws_takes_the_place_of_a_less_likely_one(found):
    lesion, mask = found.less_likely[0], found.less_likely_masks[0]
    new = found.draw(lesion.label_box, mask)
    assert (ids(found.lesions), ids(found.less_likely)) == ([1, 2, new], [4])
    assert found.lesion(new).listed and found.is_drawn(new)
