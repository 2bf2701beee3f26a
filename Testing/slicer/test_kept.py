"""What the user did to a result stays: through edits of its segments, through saving and opening the scene."""

import json

import nrrd
import numpy as np
import pytest
import slicer
import slicer.util
from LungTumorSegLib.errors import InputError, UnreadableError
from LungTumorSegLib.lesions.confidence import FEATURES
from LungTumorSegLib.slicer_ import results
from LungTumorSegLib.slicer_.logic import LungTumorSegLogicBase
from LungTumorSegLib.slicer_.scene import storage

from Testing.support.panel_case import NODULE_RAS, KnownNetwork, model_with

SURER_IF_SMALL = {name: 0.0 for name in FEATURES} | {"intercept": 3.0, "log_volume": -0.4}


def reopened(before, findings):
    """The same result as another Slicer, which knows nothing of it, finds it in the scene."""
    logic = another_slicers_logic()
    same = [f for f in logic.restore() if logic.segmentation(f) is before.segmentation(findings)]
    return logic, same[0]


def another_slicers_logic():
    results.of_the_scene.cache_clear()
    return LungTumorSegLogicBase(KnownNetwork())


def rows(findings):
    return [(x.id, findings.names[x.id], x.volume_mm3, x.confidence, x.status) for x in findings.lesions]


def painted(logic, findings, lesion, where) -> int:
    """Paint some voxels into a lesion's segment, as Segment Editor does; returns how many it has then."""
    node, volume = logic.segmentation(findings), logic.volume(findings)
    segment_id = findings.segment_id(lesion)
    voxels = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, volume).copy()
    voxels[where] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, node, segment_id, volume)
    return int(voxels.sum())


def voxels_of(logic, findings, lesion_id) -> int:
    segment_id = findings.segment_id(findings.lesion(lesion_id))
    array = slicer.util.arrayFromSegmentBinaryLabelmap(logic.segmentation(findings), segment_id, logic.volume(findings))
    return int((array > 0).sum())


def test_lesions_that_came_one_after_the_other_keep_ids_and_confidences(case, tmp_path):
    case.panel.parameters.modelFolder = str(
        model_with(tmp_path / "m", confidence_coefficients=SURER_IF_SMALL, min_confidence=0.0)
    )
    case.settle()
    case.add_chest()
    case.run()
    findings = case.panel.findings
    sure = sorted(x.confidence for x in findings.lesions)
    case.logic.update(findings, min_confidence=0.9)
    storage.keep(case.logic.segmentation(findings), storage.pack(findings))  # as of a run that found only the surest
    for least in ((sure[0] + sure[1]) / 2, 0.0):
        case.logic.update(findings, min_confidence=least)
    logic, again = reopened(case.logic, findings)
    assert rows(again) == rows(findings) and len(again.lesions) == 3
    assert again.min_confidence == 0.0
    logic.update(again, threshold=0.7)
    findings.change(threshold=0.7)
    assert rows(again) == rows(findings)


def test_what_is_out_of_sight_comes_back_with_its_id_after_opening_the_scene(found):
    findings = found.panel.findings
    before = rows(findings)
    found.logic.rename(findings, 3, "Apex")
    found.logic.update(findings, min_diameter_mm=15.0)
    logic, again = reopened(found.logic, findings)
    assert len(again.lesions) == 1
    logic.update(again, min_diameter_mm=3.0)
    assert [row[0] for row in rows(again)] == [row[0] for row in before] and again.names[3] == "Apex"


def test_another_version_of_the_model_changes_nothing_in_a_kept_result(case, tmp_path, monkeypatch):
    from LungTumorSegLib.model import bundle
    from LungTumorSegLib.slicer_.panel.adjust import AdjustSection

    rating = {"confidence_coefficients": SURER_IF_SMALL, "min_confidence": 0.3}
    old = model_with(tmp_path / "old", threshold=0.33, run_threshold=0.3, **rating)
    monkeypatch.setattr(bundle, "default_path", lambda: old)
    case.panel._cards = {}
    case.panel.section(AdjustSection).take_model_defaults()
    case.add_chest()
    case.run()
    findings = case.panel.findings
    rating["confidence_coefficients"] = {**SURER_IF_SMALL, "intercept": 1.9}
    new = model_with(tmp_path / "new", threshold=0.5, run_threshold=0.25, **rating)
    monkeypatch.setattr(bundle, "default_path", lambda: new)
    logic, again = reopened(case.logic, findings)
    assert rows(again) == rows(findings)
    logic.update(again, min_diameter_mm=2.0)
    assert rows(again) == rows(findings)


def test_a_lesion_painted_into_its_neighbour_takes_nothing_from_it(found):
    findings = found.panel.findings
    first, second = findings.lesions[:2]
    at = np.argwhere(findings.mask(second.id))[0] + second.label_box.start
    count = painted(found.logic, findings, first, tuple(at))
    assert found.logic.take_over_edits(findings) == [first.id]
    assert [x.id for x in findings.lesions] == [1, 2, 3] and findings.lesion(second.id) == second
    assert findings.lesion(first.id).status == "edited" and voxels_of(found.logic, findings, first.id) == count


def test_a_lesion_painted_over_another_takes_its_place(found):
    findings = found.panel.findings
    first, second = findings.lesions[:2]
    painted(found.logic, findings, first, second.label_box.slices)
    found.logic.take_over_edits(findings)
    assert second.id not in [x.id for x in findings.lesions]
    assert findings.segment_id(second) not in [
        found.logic.segmentation(findings).GetSegmentation().GetNthSegmentID(i) for i in range(2)
    ]


@pytest.mark.parametrize(
    "then",
    [
        lambda logic, findings, folder: logic.update(findings, threshold=0.7),
        lambda logic, findings, folder: logic.set_status(findings, 2, "rejected"),
        lambda logic, findings, folder: logic.rename(findings, 2, "Apex"),
        lambda logic, findings, folder: logic.save(findings, folder),
    ],
    ids=["threshold", "status", "name", "save"],
)
def test_a_stroke_a_moment_ago_is_not_lost(found, tmp_path, then):
    findings = found.panel.findings
    lesion = findings.lesions[0]
    count = painted(found.logic, findings, lesion, lesion.label_box.slices)
    then(found.logic, findings, tmp_path / "saved")
    table = found.logic.table(findings)
    volumes = [float(table.GetTable().GetColumnByName("volume_mm3").GetValue(i)) for i in range(3)]
    assert any(volume == pytest.approx(findings.lesion(lesion.id).volume_mm3) for volume in volumes)
    assert found.logic.take_over_edits(findings) == [] and rows(reopened(found.logic, findings)[1]) == rows(findings)
    assert findings.lesion(lesion.id).status == "edited"
    assert voxels_of(found.logic, findings, lesion.id) == np.count_nonzero(findings.mask(lesion.id)) == count


def test_a_click_on_a_rejected_lesion_accepts_it(found):
    findings = found.panel.findings
    lesion_id = found.logic.lesion_at(findings, NODULE_RAS)
    found.logic.set_status(findings, lesion_id, "rejected")
    run = found.logic.segment_at(found.panel.volume, NODULE_RAS)
    assert run.lesion_ids == (lesion_id,) and findings.lesion(lesion_id).status == "accepted"


def test_an_outline_drawn_by_hand_stays_one_when_it_is_rejected(found):
    findings = found.panel.findings
    lesion = findings.lesions[0]
    painted(found.logic, findings, lesion, lesion.label_box.slices)
    found.logic.take_over_edits(findings)
    found.logic.set_status(findings, lesion.id, "rejected")
    assert findings.is_drawn(lesion.id) and not findings.is_drawn(2)
    _, again = reopened(found.logic, findings)
    assert again.is_drawn(lesion.id) and again.lesion(lesion.id).status == "rejected"


def test_surfaces_stay_shown_after_opening_the_scene(found):
    found.logic.show_3d(found.panel.findings)
    logic, again = reopened(found.logic, found.panel.findings)
    logic.update(again, threshold=0.7)
    segmentation = logic.segmentation(again).GetSegmentation()
    assert again.surfaces_shown and all(
        segmentation.GetNthSegment(i).GetRepresentation("Closed surface") for i in range(len(again.lesions))
    )


def test_segmentations_of_others_and_a_damaged_result_do_not_keep_the_rest_away(found, scene):
    label = scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    slicer.util.updateVolumeFromArray(label, np.zeros((5, 5, 5), np.uint8))
    theirs = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "theirs")
    theirs.SetReferenceImageGeometryParameterFromVolumeNode(label)
    first = found.panel.findings
    found.run()
    second = found.panel.findings
    node = found.logic.segmentation(first)
    node.GetNodeReference(storage.RECORD_ROLE).SetText("no result")
    logic = another_slicers_logic()
    with pytest.raises(UnreadableError, match="damaged"):
        logic.restore()
    assert [logic.segmentation(f) for f in logic.results()] == [found.logic.segmentation(second)]
    node.GetNodeReference(storage.RECORD_ROLE).SetText("")
    assert logic.restore() == []


def test_a_threshold_that_would_cut_outlines_off_changes_nothing(found):
    findings = found.panel.findings
    before = rows(findings)
    for change in ({"threshold": 0.02}, {"thresholds": {1: 0.02}}):
        with pytest.raises(InputError, match=r"not between 0.05 and 1"):
            found.logic.update(findings, **change)
    assert rows(findings) == before


def test_what_the_user_called_rejected_and_drew_is_in_the_saved_file(found, tmp_path):
    findings = found.panel.findings
    lesion = findings.lesions[0]
    painted(found.logic, findings, lesion, lesion.label_box.slices)
    found.logic.rename(findings, lesion.id, "Apex")
    found.logic.set_status(findings, lesion.id, "rejected")
    found.logic.update(findings, smooth_mm=0.5)
    found.logic.save(findings, tmp_path / "saved")
    header = nrrd.read_header(str(tmp_path / "saved" / "segmentation.seg.nrrd"))
    n = next(key for key, value in header.items() if key.endswith("_Name") and value == "Apex").split("_")[0]
    assert "LungTumorSeg.status:rejected" in header[f"{n}_Tags"] and "SEMIAUTOMATIC" in header[f"{n}_Tags"]
    assert json.loads((tmp_path / "saved" / "result.json").read_text())["options"]["smooth_mm"] == 0.5


def refused(logic, findings, folder):
    with pytest.raises(InputError):
        logic.update(findings, threshold=0.01)


@pytest.mark.parametrize(
    "then",
    [
        lambda logic, findings, folder: logic.save(findings, folder),
        lambda logic, findings, folder: logic.set_status(findings, 2, "rejected"),
        lambda logic, findings, folder: logic.rename(findings, 2, "Apex"),
        refused,
    ],
    ids=["save", "status", "name", "refused"],
)
def test_a_lesion_painted_over_a_moment_ago_does_not_come_back(found, tmp_path, then):
    findings = found.panel.findings
    first, second = findings.lesions[:2]
    painted(found.logic, findings, first, second.label_box.slices)
    then(found.logic, findings, tmp_path / "saved")
    found.logic.take_over_edits(findings)
    found.logic.update(findings, min_diameter_mm=2.0)
    assert [x.id for x in findings.lesions] == [first.id, 3]


def test_what_was_drawn_elsewhere_is_not_found_again_where_it_was(found):
    findings = found.panel.findings
    lesion = findings.lesions[0]
    node, volume = found.logic.segmentation(findings), found.logic.volume(findings)
    segment_id = findings.segment_id(lesion)
    voxels = slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, volume)
    moved = np.roll(voxels, lesion.label_box.shape[2] - 1, axis=2)
    assert 0 < np.count_nonzero(moved & voxels) < np.count_nonzero(voxels) / 2 or not (moved & voxels).any()
    slicer.util.updateSegmentBinaryLabelmapFromArray(moved, node, segment_id, volume)
    found.logic.update(findings, min_diameter_mm=2.0)
    assert [x.id for x in findings.lesions] == [1, 2, 3] and findings.lesion(lesion.id).status == "edited"
    logic, again = reopened(found.logic, findings)
    logic.update(again, min_diameter_mm=1.5)
    assert [x.id for x in again.lesions] == [1, 2, 3]


def test_a_threshold_from_before_that_is_too_low_now_hinders_no_other_change(found):
    findings = found.panel.findings
    findings.restore(findings.state() | {"threshold": 0.04})
    found.logic.update(findings, min_diameter_mm=4.0)
    assert findings.options.min_diameter_mm == 4.0


@pytest.mark.parametrize("state", ["[]", "{}", "{", None])
def test_a_state_that_is_none_is_damage(found, state):
    found.logic.segmentation(found.panel.findings).SetAttribute("LungTumorSeg.state", state)
    with pytest.raises(UnreadableError, match="damaged"):
        another_slicers_logic().restore()


def changed_state(found, **changes):
    node = found.logic.segmentation(found.panel.findings)
    state = json.loads(node.GetAttribute("LungTumorSeg.state"))
    node.SetAttribute("LungTumorSeg.state", json.dumps(state | changes))


def test_a_result_of_another_schema_is_refused_with_both_numbers(found):
    changed_state(found, schema=storage.SCHEMA + 1)
    with pytest.raises(
        UnreadableError, match=rf"schema {storage.SCHEMA + 1}, this version reads up to {storage.SCHEMA}"
    ):
        another_slicers_logic().restore()


def test_a_state_whose_model_has_no_threshold_is_damage(found):
    changed_state(found, card={"threshold": "high"})
    with pytest.raises(UnreadableError, match="damaged"):
        another_slicers_logic().restore()
