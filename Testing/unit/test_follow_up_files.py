"""What a comparison writes: a folder for each CT, table, record and pictures, all of them or none."""

import csv
import datetime
import json
from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.enums import Screening
from LungTumorSegLib.errors import InputError, OutputError
from LungTumorSegLib.findings.follow_up.agreement import Agreement
from LungTumorSegLib.findings.follow_up.follow import follow
from LungTumorSegLib.findings.follow_up.places import places
from LungTumorSegLib.findings.suggested import growth_of, suggested
from LungTumorSegLib.findings.suggestions.nodule import Patient
from LungTumorSegLib.writers import follow_up_files, follow_up_pictures
from LungTumorSegLib.writers.follow_up_files import save_follow_up
from LungTumorSegLib.writers.pictures import AxialView
from PIL import Image

from Testing.support import moved_chest, phantoms
from Testing.unit.test_follow_up import still

A, B, C = ((-80.0, 0.0, 0.0), 20.0, 40), ((80.0, 10.0, 0.0), 12.0, 40), ((-80.0, 40.0, 20.0), 14.0, 40)
DATES = datetime.date(2024, 1, 5), datetime.date(2024, 7, 3)


@pytest.fixture(scope="module")
def followed():
    """A grows, B is gone, C is new."""
    ct, _ = phantoms.chest((3.0, 3.0, 3.0), lesions=(A, B))
    ct = replace(ct, source={"path": "/home/Doe^Jane/ct.nrrd", "format": "NRRD"})
    points = (
        moved_chest.point(ct, [A, B], date=DATES[0]),
        moved_chest.point(ct, [(A[0], 26.0, 40), C], date=DATES[1]),
    )
    return follow(points, [still(ct.geometry)], notes=["A note."])


@pytest.fixture(scope="module")
def chest_with_less_likely():
    """A is number 1 of the first CT and, less likely, number 2 of the second."""
    ct, _ = phantoms.chest((3.0, 3.0, 3.0), lesions=(A, B))
    later = moved_chest.point(ct, [B, A])
    b, a = later.result.lesions
    masks = later.result.masks
    fold = {"less_likely": (replace(a, listed=False),), "less_likely_masks": masks[1:]}
    unlikely = replace(later.result, lesions=(b,), masks=masks[:1], **fold)
    return follow((moved_chest.point(ct, [A]), replace(later, result=unlikely)), [still(ct.geometry)])


@pytest.fixture(scope="module")
def folder(followed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("follow up") / "out"
    save_follow_up(followed, folder)
    return folder


def test_each_ct_has_a_folder_with_the_usual_files(folder):
    assert {path.name for path in folder.iterdir()} == {
        "time_point_1", "time_point_2", "follow_up.csv", "follow_up.json", "lesion_01.png", "lesion_02.png",
        "lesion_03.png",
    }  # fmt: skip
    for point in ("time_point_1", "time_point_2"):
        assert {p.name for p in (folder / point).iterdir()} == {"segmentation.seg.nrrd", "lesions.csv", "result.json"}


def test_the_table_has_a_row_for_each_lesion_and_ct(folder):
    with (folder / "follow_up.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    told = [(row["lesion"], row["time_point"], row["date"], row["fate"], row["id"], row["target"]) for row in rows]
    assert told == [
        ("1", "1", "2024-01-05", "", "1", "true"),
        ("1", "2", "2024-07-03", "growing", "1", "true"),
        ("2", "1", "2024-01-05", "", "2", "true"),
        ("2", "2", "2024-07-03", "gone", "", "true"),
        ("3", "2", "2024-07-03", "new", "2", "false"),
    ]
    grown = rows[1]
    assert float(grown["long_axis_mm"]) - float(rows[0]["long_axis_mm"]) == pytest.approx(
        float(grown["long_axis_change_mm"])
    )
    assert float(grown["doubling_days_low"]) < float(grown["doubling_days"]) < float(grown["doubling_days_high"])
    r, a, s = (float(grown[name]) for name in ("centre_r", "centre_a", "centre_s"))
    assert (r, a, s) == pytest.approx((80, 0, 0), abs=3)


def test_the_record_tells_registration_steps_and_response(folder):
    record = json.loads((folder / "follow_up.json").read_text("utf-8"))
    assert record["schema"] == 1 and "not a medical device" in record["program"]
    assert record["registrations"][0]["verdict"] == "good"
    assert [point["date"] for point in record["time_points"]] == ["2024-01-05", "2024-07-03"]
    assert record["lesions"][0]["steps"][0]["fate"] == "growing"
    assert record["recist"]["targets"] == [1, 2]
    assert record["recist"]["responses"][1]["rule"]
    assert record["notes"] == ["A note."]
    assert sorted(path.name for path in folder.iterdir()) == record["files"]


def test_a_name_in_a_path_stays_away(folder):
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert len(texts) == 11 and not any(b"Doe" in text for text in texts)


def test_a_picture_shows_all_cts_side_by_side(folder):
    with Image.open(folder / "lesion_01.png") as picture:
        width, height = picture.size
        assert 1.4 * height < width < 1.8 * height
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    coloured = np.ptp(pixels, axis=2) > 60  # the outline
    assert coloured[:, : width // 2].any() and coloured[:, width // 2 :].any()


def test_a_lesion_that_is_not_seen_is_shown_at_its_registered_place(followed):
    gone = places(followed, followed.tracks[1])
    assert np.abs(gone[1] - gone[0]).max() < 1e-3 and np.abs(gone[0] - B[0]).max() < 3
    new = places(followed, followed.tracks[2])
    assert np.abs(new[0] - C[0]).max() < 3


def test_a_picture_tells_not_seen_from_not_compared(followed):
    gone = followed.tracks[1]
    assert follow_up_pictures._heading(followed, gone, 1) == "2024-07-03: not seen at its place"
    failed = still(followed.points[0].geometry, Agreement(0.3, 20.0, 40.0, 0.1))
    apart = follow(followed.points, [failed])
    for track in apart.tracks:
        missing = track.lesions.index(None)
        assert follow_up_pictures._heading(apart, track, missing).endswith(": not compared")
        views = [AxialView(point.result, point.ct) for point in apart.points]
        axes = follow_up_pictures.picture(apart, track, views).axes
        assert not axes[missing].images and not axes[missing].lines and axes[1 - missing].images


def test_a_part_of_another_lesion_is_not_said_to_be_unseen():
    ct, _ = phantoms.chest((3.0, 3.0, 3.0), lesions=())
    apart = [((-80.0, y, 0.0), 14.0, 40) for y in (0.0, 18.0)]
    parts, whole = moved_chest.point(ct, apart), moved_chest.point(ct, [((-80.0, 9.0, 0.0), 40.0, 40)])
    for points, missing in (((parts, whole), 1), ((whole, parts), 0)):
        followed = follow(points, [still(ct.geometry)])
        (part,) = (track for track in followed.tracks if None in track.lesions)
        assert follow_up_pictures._heading(followed, part, missing).endswith(f": part of lesion {3 - part.id}")


def test_a_lesion_has_one_colour_in_all_cts_and_a_less_likely_one_is_named(chest_with_less_likely):
    (track,) = (track for track in chest_with_less_likely.tracks if track.lesions[1] == 2)
    views = [AxialView(point.result, point.ct) for point in chest_with_less_likely.points]
    figure = follow_up_pictures.picture(chest_with_less_likely, track, views)
    colours = [tuple(axes.collections[0].get_edgecolor()[0]) for axes in figure.axes]
    assert colours[0] == colours[1]
    assert "less likely" not in figure.axes[0].get_title() and figure.axes[1].get_title().endswith("less likely")


def test_an_earlier_comparison_stays_unless_overwriting_is_asked_for(followed, tmp_path):
    save_follow_up(followed, tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="already holds a result"):
        save_follow_up(followed, tmp_path)
    save_follow_up(replace(followed, tracks=followed.tracks[:1]), tmp_path, overwrite=True)
    assert not (tmp_path / "lesion_02.png").exists() and (tmp_path / "mine.txt").exists()


def test_the_users_own_files_in_a_time_points_folder_are_not_removed(followed, tmp_path):
    save_follow_up(followed, tmp_path)
    (tmp_path / "time_point_1" / ".DS_Store").touch()
    save_follow_up(followed, tmp_path, overwrite=True)
    own = tmp_path / "time_point_2" / "my reading.txt"
    own.write_text("mine")
    with pytest.raises(OutputError, match=r"time_point_2 holds my reading\.txt"):
        save_follow_up(followed, tmp_path, overwrite=True)
    with (
        pytest.raises(OutputError, match=r"time_point_2 holds my reading\.txt"),
        follow_up_files.reserved(tmp_path, 2, overwrite=True),
    ):
        pytest.fail("it is said before the work")
    assert own.read_text() == "mine" and (tmp_path / "time_point_1" / "result.json").exists()


def test_a_folder_of_that_name_is_refused_before_the_work(tmp_path):
    (tmp_path / "time_point_2").mkdir()
    with (
        pytest.raises(OutputError, match="holds a file time_point_2"),
        follow_up_files.reserved(tmp_path, 2),
    ):
        pytest.fail("it is said before the work")


def test_targets_that_cannot_be_leave_nothing_behind(followed, tmp_path):
    with pytest.raises(InputError, match="not in the first CT"):
        save_follow_up(followed, tmp_path / "out", targets=[3])
    assert not (tmp_path / "out").exists()


def test_suggestions_are_written_for_the_lesions_of_the_last_ct(followed, tmp_path):
    patient = Patient(screening=Screening.ANNUAL)
    found = suggested(followed, ("lung-rads", "fleischner"), patient)
    assert list(found) == [1, 3]
    assert found[1][0].categories[-1] == "4B" and "not applicable: it is not for screening" in found[1][1].text
    save_follow_up(followed, tmp_path, suggestions=found)
    with (tmp_path / "suggestions.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["lesion"], row["guideline"], row["categories"]) for row in csv.DictReader(file)]
    assert rows[1] == ("1", "Fleischner 2017", "")
    assert [row[0] for row in rows] == ["1", "1", "3", "3"]


def test_the_growth_of_a_suggestion_is_that_of_the_follow_up(followed):
    grown, _, new = (growth_of(followed, track) for track in followed.tracks)
    assert new.new and not grown.new
    assert grown.days == 180 and grown.diameter_mm > 5
    assert grown.doubling_low < grown.doubling_days < grown.doubling_high
