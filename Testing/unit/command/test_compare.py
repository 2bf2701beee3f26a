"""The command ``lungtumorseg compare``: two CTs of one phantom in, what became of its lesions out."""

import csv
import datetime
import json
import tempfile

import numpy as np
import pytest
from LungTumorSegLib.cli import compare_run
from LungTumorSegLib.findings.follow_up.follow import follow
from LungTumorSegLib.readers.acquisition import Acquisition, acquisition
from LungTumorSegLib.readers.ct import read_ct

from Testing.support import moved_chest, names, phantoms
from Testing.support.command_case import assert_refused, run
from Testing.unit.test_follow_up import still

KEPT, GROWN = ((-86.0, 12.0, 21.0), 18.0, 40), ((72.0, -18.0, 46.0), 12.0, 40)
GONE, NEW = ((-86.0, -10.0, 48.0), 14.0, 40), ((94.0, 6.0, -30.0), 16.0, 40)
MOTION = moved_chest.Motion(bend_mm=6.0)
SIZE = (384, 288, 204)


@pytest.fixture(scope="module")
def chests():
    """The earlier CT with three nodules; the later one moved, one is half as large again, one gone, another new."""
    bare, _ = phantoms.chest((3.0, 3.0, 3.0), SIZE, lesions=())
    places = MOTION.later([KEPT[0], GROWN[0], NEW[0]])
    later = [(tuple(place.tolist()), d, 40) for place, d in zip(places, (18.0, 18.0, 16.0), strict=True)]
    return moved_chest.painted(bare, [KEPT, GROWN, GONE]), moved_chest.painted(moved_chest.moved(bare, MOTION), later)


@pytest.fixture(scope="module")
def folders(chests, tmp_path_factory):
    """The same as DICOM, with names and dates."""
    made = []
    for number, (ct, date) in enumerate(zip(chests, ("20240105", "20240703"), strict=True)):
        folder = tmp_path_factory.mktemp(f"ct{number}")
        tags = names.TAGS | {"AcquisitionDate": date, "StudyDate": "20010101"}
        phantoms.write_dicom(ct, folder, series=f"1.2.826.0.1.3680043.8.498.{number + 7}", **tags)
        made.append(folder)
    return made


def near(rows, time_point, place):
    """The rows of a CT whose lesion lies at the place (LPS mm)."""
    x, y, z = place
    there = [row for row in rows if row["time_point"] == time_point and row["centre_r"]]
    return [
        row
        for row in there
        if np.linalg.norm([float(row["centre_r"]) + x, float(row["centre_a"]) + y, float(row["centre_s"]) - z]) < 6
    ]


def test_two_cts_in_the_wrong_order_are_sorted_and_followed_and_nobody_is_named(folders, tmp_path, monkeypatch):
    output, log, temporary = tmp_path / "out", tmp_path / "run.log", tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    asked = ("--suggest", "lung-rads", "--screening", "annual", "--report", "--language", "zh-CN", "--log", log)
    with names.appearing(temporary) as seen:
        ended = run("compare", *reversed(folders), "--output", output, *asked)
    assert ended.exit_code == 0, ended.stderr
    assert seen, "no temporary file was seen"
    assert "put into the order of their dates" in ended.stderr
    assert "RECIST sum" in ended.stdout and "growing" in ended.stdout and "Lung-RADS v2022: " in ended.stdout
    with (output / "follow_up.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["date"] for row in rows if row["time_point"] == "2"} == {"2024-07-03"}
    later = dict(zip(("stable", "growing", "new"), MOTION.later([KEPT[0], GROWN[0], NEW[0]]), strict=True))
    for fate, place in later.items():
        assert [row["fate"] for row in near(rows, "2", place)] == [fate]
    (gone,) = near(rows, "1", GONE[0])
    assert [row["fate"] for row in rows if (row["lesion"], row["time_point"]) == (gone["lesion"], "2")] == ["gone"]
    record = json.loads((output / "follow_up.json").read_text("utf-8"))
    assert record["registrations"][0]["verdict"] == "good"
    assert {"report.html", "suggestions.csv"} < set(record["files"])
    assert {each["guideline"] for each in record["suggestions"]} == {"Lung-RADS v2022"}
    page = (output / "report.html").read_text("utf-8")
    assert page.count("data:image/svg+xml") == 3 and "肺部病灶随访" in page and "Lung-RADS v2022: " in page
    assert names.stand_in(ended.stdout, ended.stderr, *seen, folder=tmp_path) == []


def test_the_date_and_the_patient_are_those_of_the_series_that_was_read(folders):
    found = acquisition(read_ct(folders[0]).source)
    assert found == Acquisition(datetime.date(2024, 1, 5), "OKAPISTONE-7", "19031207")
    assert acquisition({"path": "ct.nrrd", "format": "NRRD"}) == Acquisition()


def test_whether_two_files_are_of_one_patient():
    one, other = Acquisition(patient_id="1", birth_date="19500101"), Acquisition(patient_id="2")
    assert one.is_of(one) is True
    assert one.is_of(other) is False
    assert one.is_of(Acquisition(patient_id="1", birth_date="19500102")) is False
    assert one.is_of(Acquisition()) is None


def test_a_target_that_is_not_there_costs_the_sum_and_nothing_else(chests, tmp_path, capsys):
    """Only the comparison itself tells which numbers there are."""
    point = moved_chest.point(chests[0], [KEPT, GROWN])
    followed = follow((point, point), [still(chests[0].geometry)])
    response = compare_run._response(followed, [1, 7])
    (note,) = response.notes
    assert "Lesion 7 is not in the first CT" in note and "Choose among 1, 2." in note and "without a RECIST sum" in note
    wanted = compare_run.Wanted({}, {"overwrite": False, "identify": False}, [1, 7])
    found, files = compare_run._saved(followed, response, tmp_path / "out", wanted)
    assert found is None and {"follow_up.csv", "time_point_2", "lesion_01.png"} < {file.name for file in files}
    record = json.loads((tmp_path / "out" / "follow_up.json").read_text("utf-8"))
    assert record["recist"] == {"targets": [], "responses": [], "notes": [note]}
    compare_run._print(followed, response, {}, files)
    assert "RECIST" not in capsys.readouterr().out


# ---- refused, with nothing written


@pytest.fixture
def refused(tmp_path):
    def check(words, *arguments):
        output = tmp_path / "out"
        assert_refused(run("compare", *arguments, "--output", output), 3, words)
        assert not output.exists()

    return check


@pytest.fixture(scope="module")
def files(chests, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return [phantoms.write_image(ct, folder / f"ct{n}.nrrd") for n, ct in enumerate(chests)]


def test_the_same_ct_twice_is_refused(refused, files):
    refused("CT 1 (ct0) and CT 2 (ct0) hold the same voxels", files[0], files[0])


def test_one_ct_is_refused(refused, files):
    refused("at least two CTs", files[0])


def test_another_number_of_dates_is_refused(refused, files):
    refused("1 date(s) were given for 2 CTs", *files, "--dates", "2024-01-05")


def test_a_date_of_one_ct_alone_is_refused(refused, files, folders):
    refused("The date of CT 2 (ct1) is not known", folders[0], files[1])


def test_two_patients_by_their_files_are_refused(refused, chests, folders, tmp_path):
    small = phantoms.chest((6.0, 6.0, 6.0), SIZE)[0]
    phantoms.write_dicom(small, tmp_path / "other", PatientID="2", AcquisitionDate="20240801")
    refused("different patients", folders[0], tmp_path / "other")


def test_a_ct_without_lungs_is_refused(refused, files, tmp_path):
    abdomen, _ = phantoms.chest((3.0, 3.0, 5.0), (384, 288, 120), centre_lps=(0, 0, -190))
    phantoms.write_image(abdomen, tmp_path / "abdomen.nrrd")
    refused("CT 1 (abdomen): No lungs were found", tmp_path / "abdomen.nrrd", files[1])


@pytest.mark.parametrize(
    "option",
    [
        ("--dates", "5.1.2024,3.7.2024"),
        ("--targets", "one"),
        ("--targets", "0"),
        ("--targets", "1,2,3,4,5,6"),
        ("--suggest", "esti"),
        ("--screening", "yes"),
        ("--screening", "annual"),
        ("--age", "60"),
        ("--language", "zh-CN"),
    ],
)
def test_wrong_words_are_wrong_use(files, tmp_path, option):
    ended = run("compare", *files, "--output", tmp_path / "out", *option)
    assert ended.exit_code == 2
    assert not (tmp_path / "out").exists()
