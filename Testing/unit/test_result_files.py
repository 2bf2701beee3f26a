"""What a user gets from a run, and what comes out of the child process."""

import csv
import hashlib
import json
import locale
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib import record as records
from LungTumorSegLib.enums import Device, Side, Status
from LungTumorSegLib.errors import OutputError, UnreadableError
from LungTumorSegLib.worker import protocol
from LungTumorSegLib.writers import lesion_table, result_files
from PIL import Image

from Testing.support import results
from Testing.support.paths import MODULE, ROOT


@pytest.fixture
def ct():
    return results.make_ct()


@pytest.fixture
def result(ct):
    return results.make_result(ct)


def test_a_result_comes_back_from_its_folder_without_any_loss(tmp_path, ct, result):
    records.save(result, ct, tmp_path)
    results.assert_same(records.load(tmp_path), result)
    back = records.load(tmp_path)
    assert all(isinstance(lesion.side, Side) and isinstance(lesion.status, Status) for lesion in back.lesions)
    assert isinstance(back.options.device, Device)


def test_what_goes_to_and_from_the_child_holds_points_in_lps(tmp_path, ct, result):
    records.save(result, ct, tmp_path)
    record = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert record["options"]["points_lps"] == [[1.5, -2.5, 3.0]]
    assert record["lesions"][0]["axis_points_lps"][0] == list(result.lesions[0].axis_points_lps[0])
    assert record["candidates"][1]["point_lps"] == [1.5, -2.5, 3.0]
    request = protocol.hand_over_lesion(result.lesions[0], result.masks[0], (1.5, -2.5, 3.0), tmp_path)
    assert request["point_lps"] == (1.5, -2.5, 3.0)
    lesion, mask, point = protocol.take_over_lesion(json.loads(json.dumps(request)), tmp_path)
    assert lesion == result.lesions[0] and point == (1.5, -2.5, 3.0) and np.array_equal(mask, result.masks[0])


def test_a_result_without_lungs_lesions_and_map_comes_back_as_well(tmp_path, ct, result):
    bare = replace(result, lungs=None, candidates=(), lesions=(), masks=(), probability=None, notes=())
    records.save(bare, ct, tmp_path)
    results.assert_same(records.load(tmp_path), bare)


@pytest.mark.parametrize(
    "damage", ["no json", "no voxels", "truncated voxels", "truncated json", "no status", "another schema"]
)
def test_a_damaged_result_is_refused_with_a_sentence(tmp_path, ct, result, damage):
    records.save(result, ct, tmp_path)
    record, voxels = tmp_path / "result.json", tmp_path / "voxels.npz"
    if damage == "no json":
        record.unlink()
    elif damage == "no voxels":
        voxels.unlink()
    elif damage == "truncated voxels":
        voxels.write_bytes(voxels.read_bytes()[:300])
    elif damage == "truncated json":
        record.write_text(record.read_text("utf-8")[:300], "utf-8")
    elif damage == "no status":
        text = record.read_text("utf-8")
        assert '"status": "edited"' in text
        record.write_text(text.replace('"status": "edited"', '"status": "perhaps"'), "utf-8")
    else:
        record.write_text(json.dumps(json.loads(record.read_text("utf-8")) | {"schema": 99}), "utf-8")
    with pytest.raises(UnreadableError, match=r"damaged or incomplete|another version"):
        records.load(tmp_path)


def test_the_json_holds_the_whole_story_with_points_in_ras(tmp_path, ct, result):
    result_files.save(result, ct, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    assert record["schema"] == 2
    source = {name: value for name, value in ct.source.items() if name != "path"}
    checksum = hashlib.sha256(ct.voxels_zyx.tobytes()).hexdigest()
    file = Path(ct.source["path"]).name
    assert record["input"] == {"name": "Größe 肺", "file": file, "voxels_sha256": checksum, **source}
    assert record["model"] == results.MODEL
    assert (record["engine"], record["device"], record["reason"]) == ("onnxruntime", "CPU", "the CPU was asked for")
    assert record["precision"] == "float32"
    assert record["options"]["points_ras"] == [[-1.5, 2.5, 3.0]]
    assert record["seconds"] == {"lungs": 0.1, "network": 1.7}
    assert record["peak_memory_mb"] == 812.5
    assert record["geometry"]["shape_zyx"] == [20, 24, 28]
    first = record["lesions"][0]
    names = [name.replace("_lps", "_ras") for name in result.lesions[0].__dataclass_fields__]
    assert list(first) == [*names, "name", "centre_ras", *lesion_table.MEASURES]
    x, y, z = result.lesions[0].axis_points_lps[0]
    assert first["axis_points_ras"][0] == [-x, -y, z]


def test_the_record_names_the_lesion_fields_in_the_order_of_the_contract(ct, result):
    names = list(result.lesions[0].__dataclass_fields__)
    assert list(records.result_record(result, ct)["lesions"][0]) == names


def test_the_csv_has_the_contract_order_and_every_digit(tmp_path, ct, result):
    result_files.save(result, ct, tmp_path / "out")
    with (tmp_path / "out" / "lesions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    more = ("name", "centre_r", "centre_a", "centre_s", "case", "listed")
    assert tuple(rows[0]) == (*lesion_table.COLUMNS, *more, *lesion_table.MEASURES)
    assert {row["case"] for row in rows} == {"Größe 肺"}
    fields = [name.removesuffix("_lps") for name in result.lesions[0].__dataclass_fields__]
    starts = [next(i for i, column in enumerate(rows[0]) if column.startswith(field)) for field in fields]
    assert starts == sorted(starts)
    assert all(column.startswith(tuple(fields)) for column in lesion_table.COLUMNS)
    assert float(rows[1]["confidence"]) == 0.1 + 0.2
    assert rows[2]["confidence"] == ""
    assert float(rows[0]["axis_points_ras_1_r"]) == -result.lesions[0].axis_points_lps[0][0]
    assert [int(rows[0][f"label_box_{end}"]) for end in ("z0", "z1", "x1")] == [2, 6, 11]


def test_a_lesions_centre_is_a_point_inside_it_where_slicer_shows_it(tmp_path, ct, result):
    hollow = [np.ones(mask.shape, bool) for mask in result.masks]
    for mask in hollow:
        mask[tuple(slice(n // 3, n - n // 3) for n in mask.shape)] = False
    hollow[0][:] = False
    hollow[0][0, 0, :] = hollow[0][-1, -1, 0] = True
    result_files.save(replace(result, masks=tuple(hollow)), ct, tmp_path / "out")
    with (tmp_path / "out" / "lesions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    record = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    for row, lesion, known, mask in zip(rows, record["lesions"], result.lesions, hollow, strict=True):
        assert [float(row[f"centre_{axis}"]) for axis in "ras"] == lesion["centre_ras"]
        r, a, s = lesion["centre_ras"]
        index = np.rint(ct.geometry.index((-r, -a, s))).astype(int) - known.label_box.start
        assert mask[tuple(index)]


def test_the_path_is_written_only_when_the_ct_is_to_be_identified(tmp_path, ct, result):
    ct = replace(ct, source=ct.source | {"path": "/home/somebody/ct.nrrd"})
    for identify in (False, True):
        result_files.save(result, ct, tmp_path / "out", overwrite=True, identify=identify)
        text = (tmp_path / "out" / "result.json").read_text("utf-8")
        assert ("somebody" in text) == identify
        assert json.loads(text)["input"].get("path") == (ct.source["path"] if identify else None)


def test_names_and_smoothing_that_the_user_chose_are_in_the_files(tmp_path, ct, result):
    names = {1: "Apex, 肺", 3: "Hilum"}
    result_files.save(result, ct, tmp_path / "out", names=names, smooth_mm=1.5, drawn={3})
    wanted = ["Apex, 肺", "Lesion 2", "Hilum"]
    with (tmp_path / "out" / "lesions.csv").open(encoding="utf-8", newline="") as file:
        assert [row["name"] for row in csv.DictReader(file)] == wanted
    record = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    assert [lesion["name"] for lesion in record["lesions"]] == wanted
    assert record["options"]["smooth_mm"] == 1.5
    header = (tmp_path / "out" / "segmentation.seg.nrrd").read_bytes().partition(b"\n\n")[0].decode()
    assert all(f"Segment{i}_Name:={name}\n" in header for i, name in enumerate(wanted))
    assert "Type:SEMIAUTOMATIC" in next(line for line in header.splitlines() if line.startswith("Segment2_Tags"))


def test_a_locale_with_decimal_commas_changes_no_number(tmp_path, monkeypatch, ct, result):
    if not shutil.which("localedef"):
        pytest.skip("this machine cannot make a German locale")
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(tmp_path / "de_DE.UTF-8")], check=False)
    if made.returncode:
        pytest.skip("this machine has no description of a German locale")
    monkeypatch.setenv("LOCPATH", str(tmp_path))
    result_files.save(result, ct, tmp_path / "before")
    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
    try:
        assert locale.localeconv()["decimal_point"] == ","
        result_files.save(result, ct, tmp_path / "after")
    finally:
        locale.setlocale(locale.LC_ALL, "C")
    for name in ("lesions.csv", "result.json"):
        assert (tmp_path / "before" / name).read_bytes() == (tmp_path / "after" / name).read_bytes()
    headers = [nrrd.read_header(str(tmp_path / part / "segmentation.seg.nrrd")) for part in ("before", "after")]
    assert str(headers[0]) == str(headers[1])


def test_the_probability_lies_on_the_grid_of_the_ct(tmp_path, ct, result):
    result_files.save(result, ct, tmp_path / "out")
    image = sitk.ReadImage(str(tmp_path / "out" / "probability.nrrd"))
    assert np.array_equal(sitk.GetArrayFromImage(image), result.probability)
    assert image.GetPixelID() == sitk.sitkUInt8
    assert image.GetSpacing() == pytest.approx(ct.geometry.spacing_xyz)
    assert image.GetOrigin() == pytest.approx(ct.geometry.origin_lps)
    assert image.GetDirection() == pytest.approx(ct.geometry.direction)


def test_pictures_show_each_lesion_in_its_colour(tmp_path, ct, result):
    files = result_files.save(result, ct, tmp_path / "out", with_pictures=True)
    pngs = sorted(path.name for path in files if path.suffix == ".png")
    assert pngs == ["lesion_01.png", "lesion_02.png", "lesion_03.png", "overview.png"]
    pixels = np.asarray(Image.open(tmp_path / "out" / "lesion_02.png").convert("RGB")).reshape(-1, 3).astype(int)
    blue = np.array((0.337, 0.706, 0.914)) * 255
    assert (np.abs(pixels - blue).max(axis=1) < 8).sum() > 200


def test_pictures_of_a_rejected_lesion_are_grey(tmp_path, ct, result):
    rejected = tuple(replace(lesion, status="rejected") for lesion in result.lesions)
    result_files.save(replace(result, lesions=rejected), ct, tmp_path / "out", with_pictures=True, names={1: r"$\a$"})
    for name in ("lesion_01", "overview"):
        pixels = np.asarray(Image.open(tmp_path / "out" / f"{name}.png").convert("RGB")).astype(int)
        assert np.ptp(pixels, axis=-1).max() < 8


def test_pictures_of_a_run_that_found_nothing_are_an_overview(tmp_path, ct, result):
    nothing = replace(result, lesions=(), masks=())
    files = result_files.save(nothing, ct, tmp_path / "out", with_pictures=True)
    assert [path.name for path in files if path.suffix == ".png"] == ["overview.png"]


def test_without_matplotlib_pictures_are_refused_with_a_sentence_and_nothing_is_written(
    tmp_path, monkeypatch, ct, result
):
    # as in Slicer, which does not bring it along: None is how Python marks a module that can't be imported
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib" or name.endswith(".pictures")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("LungTumorSegLib.writers.pictures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(OutputError, match="matplotlib"):
        result_files.save(result, ct, tmp_path / "out", with_pictures=True)
    assert list(tmp_path.iterdir()) == []
    assert result_files.save(result, ct, tmp_path / "out")


def test_paths_may_be_long_and_in_any_script(tmp_path, ct, result):
    folder = tmp_path / "Müller Łukasz 肺癌 Ωμέγα" / ("sehr langer Name " * 10).strip() / ("n" * 200)
    files = result_files.save(result, ct, folder, with_pictures=True)
    assert all(path.is_file() for path in files)
    assert nrrd.read(str(folder / "segmentation.seg.nrrd"))[1]["Segment0_Name"] == "Lesion 1"


def test_an_earlier_result_is_never_overwritten_unasked(tmp_path, ct, result):
    result_files.save(result, ct, tmp_path, with_pictures=True)
    before = _contents(tmp_path)
    with pytest.raises(OutputError, match="already holds a result"):
        result_files.save(result, ct, tmp_path)
    with pytest.raises(OutputError, match="already holds a result"):
        result_files.check_writable(tmp_path)
    assert _contents(tmp_path) == before


def test_overwriting_replaces_the_whole_earlier_result_and_nothing_else(tmp_path, ct, result):
    (tmp_path / "notes.txt").write_text("mine")
    result_files.save(result, ct, tmp_path, with_pictures=True)
    fewer = replace(result, lesions=result.lesions[:1], masks=result.masks[:1], probability=None)
    result_files.save(fewer, ct, tmp_path, overwrite=True)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"notes.txt", "segmentation.seg.nrrd", "lesions.csv", "result.json"}


def test_asking_whether_a_folder_is_writable_leaves_nothing_behind(tmp_path):
    result_files.check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_the_folder_should_be_is_refused(tmp_path, ct, result):
    (tmp_path / "out").write_text("a file")
    for folder in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(OutputError, match="a file of that name is in the way"):
            result_files.save(result, ct, folder)
    assert _contents(tmp_path) == {"out": b"a file"}


def test_a_name_that_no_disk_takes_is_refused(tmp_path, ct, result):
    with pytest.raises(OutputError, match="too long"):
        result_files.save(result, ct, tmp_path / ("n" * 300))
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_middle_leaves_the_folder_as_it_was(tmp_path, ct, result):
    (tmp_path / "notes.txt").write_text("mine")
    broken = replace(result, seconds={"lungs": float("nan")})  # JSON has no such number, and json comes last
    with pytest.raises(ValueError, match="JSON compliant"):
        result_files.save(broken, ct, tmp_path, with_pictures=True)
    assert _contents(tmp_path) == {"notes.txt": b"mine"}
    with pytest.raises(ValueError, match="JSON compliant"):
        result_files.save(broken, ct, tmp_path / "new")
    assert not (tmp_path / "new").exists()


# A child with a limit that the system enforces, as nothing else fills a disk or takes a right from root for a test
_CHILD = """
import sys
from pathlib import Path
from LungTumorSegLib import errors
from LungTumorSegLib.writers import result_files
from Testing.support import results
ct = results.make_ct()
{limit}
try:
    result_files.save(results.make_result(ct), ct, Path(sys.argv[1]), with_pictures=True)
except errors.OutputError as error:
    print(error)
"""


def _write_in_child(folder, limit="", prefix=()):
    paths = os.pathsep.join([str(MODULE), str(ROOT)])
    command = [*prefix, sys.executable, "-c", _CHILD.format(limit=limit), str(folder)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": paths, "PYTHONUTF8": "1"}, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_disk_that_takes_no_more_is_reported_and_nothing_stays(tmp_path):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
    assert "the disk does not take a file of this size" in _write_in_child(tmp_path / "out", limit)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="takes root's rights away the Linux way")
def test_a_folder_without_write_access_is_reported(tmp_path):
    tmp_path.chmod(0o500)
    prefix = ()
    if os.geteuid() == 0:
        prefix = ("setpriv", "--bounding-set", "-dac_override", "--inh-caps", "-dac_override")
    assert "no permission" in _write_in_child(tmp_path / "out", prefix=prefix)
    assert list(tmp_path.iterdir()) == []


def _contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}
