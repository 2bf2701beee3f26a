"""The cases of a cohort: which CTs a folder or a table holds, and what is left to do of them."""

import json

import numpy as np
import pytest
from LungTumorSegLib.cohort import folder, kept, run, table
from LungTumorSegLib.cohort.work import Settings
from LungTumorSegLib.data import Options
from LungTumorSegLib.errors import InputError, UnreadableError
from LungTumorSegLib.readers.ct import read_ct

from Testing.support import cohort_case, phantoms
from Testing.support.dicom_case import OTHER, SMALL, UID, same

READING = {"allow_partial": False, "add_hu": 0.0}


def found(place, output="nowhere"):
    return {case.name: case for case in folder.cases(place, Options(), READING, place / output)}


# ---- a folder


def test_each_image_is_a_case_named_by_its_path_and_nothing_else_is_one(tmp_path):
    for name in ("a/scan.nii.gz", "a/scan.mha", "b/Patientin Müller.nrrd", "out/cases/x/ct.nrrd"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        phantoms.write_image(cohort_case.ct(0), tmp_path / name)
    phantoms.write_image(cohort_case.ct(0), tmp_path / "old.seg.nrrd")
    (tmp_path / "readme.txt").write_text("no CT")
    (tmp_path / "result.json").write_text("{}")
    names = {case.shown: name for name, case in found(tmp_path, "out").items()}
    assert names.keys() == {"a/scan.nii.gz", "a/scan.mha", "b/Patientin Müller.nrrd"}
    assert names["b/Patientin Müller.nrrd"] == "b_Patientin_Müller"
    # both are a_scan: each has a mark of its own, and the same one next time
    assert all(names[file].startswith("a_scan_") for file in ("a/scan.nii.gz", "a/scan.mha"))
    assert len(set(names.values())) == 3
    assert found(tmp_path, "out").keys() == set(names.values())


def test_the_result_of_a_run_is_no_case(tmp_path):
    phantoms.write_image(cohort_case.ct(0), tmp_path / "ct.nrrd")
    (tmp_path / "done").mkdir()
    phantoms.write_image(cohort_case.ct(0), tmp_path / "done" / "probability.nrrd")
    record = {"program": "LungTumorSeg 1", "files": ["probability.nrrd", "result.json"]}
    (tmp_path / "done" / "result.json").write_text(json.dumps(record))
    assert list(found(tmp_path)) == ["ct"]


def test_each_dicom_study_is_one_case_with_the_series_that_the_rule_chooses(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path / "p1" / "s1", series=f"{UID}.1", SeriesDescription="Thorax")
    phantoms.write_dicom(OTHER, tmp_path / "p1" / "s2", series=f"{UID}.2", SeriesDescription="Thorax MIP")
    phantoms.write_dicom(OTHER, tmp_path / "p2", series=f"{UID}.3", StudyInstanceUID=f"{UID}.9")
    cases = found(tmp_path)
    assert list(cases) == ["p1", "p2"]
    chosen = [read_ct(case.path, **case.reading) for case in cases.values()]
    assert chosen[0].source["series_uid"] == f"{UID}.1" and len(chosen[0].source["other_series"]) == 1
    assert same(chosen[0], SMALL) and same(chosen[1], OTHER)


def test_studies_that_lie_mixed_in_one_folder_are_read_apart(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path, series=f"{UID}.1", prefix="a")
    files = phantoms.write_dicom(OTHER, tmp_path, series=f"{UID}.2", prefix="b", StudyInstanceUID=f"{UID}.9")
    cases = list(found(tmp_path).values())
    read = [read_ct(case.path, **case.reading) for case in cases]
    assert sorted(ct.source["study_uid"] for ct in read) == [UID, f"{UID}.9"]
    assert all(same(ct, SMALL if ct.source["study_uid"] == UID else OTHER) for ct in read)
    assert all(ct.source["other_series"] == [] for ct in read)
    # a broken file is missed by the study that it belongs to, and is no study of its own
    files[9].write_bytes(b"")
    (case,) = (case for case in found(tmp_path).values() if f"{UID}.9" in case.shown)
    with pytest.raises(UnreadableError, match=files[9].name):
        read_ct(case.path, **case.reading)


def test_what_a_dicomdir_above_the_pictures_names_is_missed(tmp_path):
    from pydicom.fileset import FileSet

    made = FileSet()
    for path in phantoms.write_dicom(SMALL, tmp_path / "made", StudyDate="20200101", StudyTime="120000", StudyID="1"):
        made.add(path)
    made.write(tmp_path / "cd")
    (case,) = (case for case in found(tmp_path / "cd").values())
    assert same(read_ct(case.path, **case.reading), SMALL)
    pictures = sorted(path for path in (tmp_path / "cd").rglob("*") if path.is_file() and path.name != "DICOMDIR")
    pictures[8].unlink()
    (case,) = (case for case in found(tmp_path / "cd").values())
    with pytest.raises(UnreadableError, match="can't be read"):
        read_ct(case.path, **case.reading)


def test_files_of_which_none_can_be_read_are_a_case_that_fails(tmp_path):
    phantoms.write_image(cohort_case.ct(0), tmp_path / "ct.nrrd")
    for path in phantoms.write_dicom(SMALL, tmp_path / "broken"):
        path.write_bytes(path.read_bytes()[:300])
    cases = found(tmp_path)
    assert list(cases) == ["broken", "ct"]
    with pytest.raises(UnreadableError):
        read_ct(cases["broken"].path, **cases["broken"].reading)


def test_a_folder_without_a_ct_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(UnreadableError, match="There is no CT in"):
        found(tmp_path)


# ---- a table


def listed(tmp_path, text, **options):
    (tmp_path / "cases.csv").write_text(text, "utf-8")
    return table.cases(tmp_path / "cases.csv", Options(**options), READING)


def test_a_table_gives_each_case_its_own_options_and_leaves_the_others(tmp_path):
    text = (
        "path,case,series,add_hu,point,threshold,min_diameter,no_lung_mask,allow_partial\n"
        'p1,first,1.2.3,-1024,"52,-31.5,-140;1 2 3",0.4,,,yes\n'
        "sub/ct.nii.gz,,,,,,5,true,\n"
    )
    first, second = listed(tmp_path, text, threshold=0.3)
    assert (first.name, first.path, first.shown) == ("first", tmp_path / "p1", "p1")
    assert first.options == Options(threshold=0.4, points_lps=((-52.0, 31.5, -140.0), (-1.0, -2.0, 3.0)))
    assert first.reading == {"series": "1.2.3", "allow_partial": True, "add_hu": -1024.0}
    assert (second.name, second.reading) == ("ct", READING)
    assert second.options == Options(threshold=0.3, min_diameter_mm=5.0, lung_restriction=False)


def test_a_table_as_a_spreadsheet_writes_it_is_read(tmp_path):
    (tmp_path / "cases.csv").write_bytes("\ufeffpath;case\r\na.nrrd;Ä\r\n;\r\nb.nrrd;\r\n".encode())
    assert [case.name for case in table.cases(tmp_path / "cases.csv", Options(), READING)] == ["Ä", "b"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("path,treshold\na,0.4\n", "a column 'treshold', which is unknown. Columns are path, case, threshold"),
        ("case\na\n", "no column 'path'"),
        ("path,path\na,b\n", "'path' twice"),
        ("path,threshold\na,much\n", "Line 2 .* 'much' is no value for threshold"),
        ("path,threshold\na,0.01\n", "Line 2 .* '0.01' is no value for threshold .*0.05"),
        ("path,point\na,1;2\n", "'1;2' is no value for point"),
        ("path,add_hu\na,nan\n", "'nan' is no value for add_hu"),
        ("path,allow_partial\na,perhaps\n", "'perhaps' is no value for allow_partial"),
        ("path,case\na,x\nb,X\n", "Line 3 .* there is a case 'X' already"),
        ("path,case\na,x,y\n", "Line 2 .* not as many cells"),
        ("path,case\n,x\n", "Line 2 .* has no path"),
        ("path\n", "no row"),
    ],
)
def test_a_table_that_says_what_cannot_be_is_refused_with_its_line(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        listed(tmp_path, text)


# ---- what is left to do


@pytest.fixture
def three(tmp_path):
    """Three cases of which each has a folder with a file, and the settings of their cohort."""
    cases = list(folder.cases(cohort_case.make(tmp_path / "in", 3), Options(), READING, tmp_path / "out"))
    settings = Settings(tmp_path / "out", Options())
    for case in cases:
        place = kept.work_folder(settings.output, case)
        (place / "lesions.csv").write_text("id\n1\n")
        kept.publish(settings.output, case, kept.done(case, 1, {"lesions": 1}, place), place)
    return cases, settings


def todo(cases, settings):
    return [(case.name, attempt) for case, attempt in run.plan(cases, settings).todo]


def test_what_is_whole_is_not_done_again(three):
    assert todo(*three) == []
    assert run.plan(*three).there.keys() == {case.name for case in three[0]}


@pytest.mark.parametrize("damage", ["changed", "lost", "cut record", "no folder"])
def test_what_is_not_whole_is_done_again(three, damage):
    cases, settings = three
    place = settings.output / "cases" / cases[1].name
    if damage == "changed":
        (place / "lesions.csv").write_text("id\n2\n")
    elif damage == "lost":
        (place / "lesions.csv").unlink()
    elif damage == "cut record":
        (place / "case.json").write_text((place / "case.json").read_text()[:100])
    else:
        place.rename(place.with_name("elsewhere"))
    assert todo(cases, settings) == [(cases[1].name, 1)]


def test_a_file_of_the_users_in_a_case_outlives_the_case(three):
    cases, settings = three
    own = settings.output / "cases" / cases[1].name
    (own / "my remarks.txt").write_text("mine")
    assert todo(cases, settings) == []
    kept.publish(settings.output, cases[1], kept.failed(cases[1], 1, "It went wrong."))
    kept.clear(settings.output)
    assert [path.name for path in own.iterdir()] == ["case.json"]
    (before,) = own.parent.glob(f"{own.name}-before-*")
    assert (before / "my remarks.txt").read_text() == "mine"


def test_another_input_or_other_options_are_another_case_but_another_engine_is_not(three, tmp_path):
    cases, settings = three
    again = {case.name: case for case in folder.cases(tmp_path / "in", Options(threshold=0.4), READING, tmp_path)}
    assert len(todo(list(again.values()), settings)) == 3
    options = Options(engine="onnxruntime", threads=3)
    assert todo(folder.cases(tmp_path / "in", options, READING, tmp_path), settings) == []
    phantoms.write_image(cohort_case.ct(9), cases[2].path)
    changed = folder.cases(tmp_path / "in", Options(), READING, tmp_path)
    assert todo(changed, settings) == [(cases[2].name, 1)]


def test_an_input_refused_twice_stays_refused_and_other_failures_are_tried_again(three):
    cases, settings = three
    for case, attempt, error in (
        (cases[0], 2, UnreadableError("It is cut off.")),
        (cases[1], 1, UnreadableError("It is cut off.")),
        (cases[2], 2, "The worker process was ended."),
    ):
        kept.publish(settings.output, case, kept.failed(case, attempt, error))
    assert todo(cases, settings) == [(cases[1].name, 2), (cases[2].name, 1)]
    assert run.plan(cases, settings).there[cases[0].name]["reason"] == "It is cut off."


def test_voxels_are_the_same_whoever_lists_the_files(tmp_path):
    phantoms.write_dicom(SMALL, tmp_path)
    files = sorted(tmp_path.iterdir())
    assert np.array_equal(read_ct(tmp_path, only=files).voxels_zyx, read_ct(tmp_path).voxels_zyx)
