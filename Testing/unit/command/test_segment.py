"""The command ``lungtumorseg``: what it writes, what it says, how it ends."""

import csv
import json
import os
import sys
from dataclasses import replace

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.data import Options
from LungTumorSegLib.model.bundle import CARD, ONNX, default_path, load_bundle
from LungTumorSegLib.readers.ct import read_ct
from LungTumorSegLib.segmentation import segment

from Testing.support import phantoms
from Testing.support.command_case import MAIN, assert_refused, run, run_process

X, Y, Z = phantoms.NODULE[0]
POINT = ("--point", f"{-X},{-Y},{Z}")


# ---- what it writes


def test_it_writes_what_this_process_computes_voxel_for_voxel(small_file, output):
    ended = run("segment", small_file, "--output", output, "--no-lung-mask", "--save-probability", "--threshold", "0.3")
    assert ended.exit_code == 0, ended.stderr
    assert {p.name for p in output.iterdir()} == {
        "segmentation.seg.nrrd", "lesions.csv", "result.json", "probability.nrrd",
    }  # fmt: skip
    options = Options(threshold=0.3, lung_restriction=False, keep_probability=True)
    expected = segment(read_ct(small_file), options)
    probability, _ = nrrd.read(str(output / "probability.nrrd"), index_order="C")
    assert probability.any()
    assert np.array_equal(probability, expected.probability)
    voxels, header = nrrd.read(str(output / "segmentation.seg.nrrd"), index_order="C")
    for i, (lesion, mask) in enumerate(zip(expected.lesions, expected.masks, strict=True)):
        whole = np.zeros(expected.geometry.shape_zyx, bool)
        whole[lesion.label_box.slices] = mask
        layer = voxels[..., int(header[f"Segment{i}_Layer"])] if voxels.ndim == 4 else voxels
        assert np.array_equal(layer == int(header[f"Segment{i}_LabelValue"]), whole)
    assert f"Segment{len(expected.lesions)}_ID" not in header
    with (output / "lesions.csv").open(encoding="utf-8", newline="") as file:
        rows = [(float(row["volume_mm3"]), row["listed"]) for row in csv.DictReader(file)]
    assert rows == [(x.volume_mm3, str(x.listed).lower()) for x, _ in expected.outlines]
    assert expected.less_likely and f"{len(expected.less_likely)} less likely in lesions.csv" in ended.stdout


def test_the_record_names_input_model_engine_options_and_times(small_file, output):
    least = "--min-diameter", 4, "--min-confidence", 0.25
    ended = run("segment", small_file, "-o", output, "--no-lung-mask", "--engine", "onnxruntime", *least)
    assert ended.exit_code == 0, ended.stderr
    record = json.loads((output / "result.json").read_text("utf-8"))
    model = load_bundle()
    assert record["input"]["file"] == small_file.name
    assert str(small_file.parent) not in json.dumps(record)
    assert record["model"] == {"name": model.name, "version": model.version, "checksum": model.checksum}
    assert (record["engine"], record["device"]) == ("onnxruntime", "CPU")
    assert record["reason"] and record["precision"] == "float32"
    assert (record["options"]["min_diameter_mm"], record["options"]["min_confidence"]) == (4, 0.25)
    assert set(record["seconds"]) == {"lungs", "engine", "network", "views", "classifier", "lesions"}
    assert record["peak_memory_mb"] > 0


def test_a_run_that_finds_nothing_is_done_and_says_so(small_file, output):
    ended = run("segment", small_file, "-o", output, "--no-lung-mask", "--min-diameter", 500, "--png")
    assert ended.exit_code == 0, ended.stderr
    assert "No lesion was found" in ended.stdout
    assert (output / "lesions.csv").read_text("utf-8").count("\n") == 1
    assert (output / "overview.png").is_file()


def test_points_are_ras_as_slicer_shows_them(small_file, output):
    x, y, z = phantoms.NODULE[0]
    ended = run("segment", small_file, "-o", output, "--point", f"{-x},{-y},{z}", "--point", f"{-x + 30}, {-y}, {z}")
    assert ended.exit_code == 0, ended.stderr
    record = json.loads((output / "result.json").read_text("utf-8"))
    assert record["options"]["points_ras"] == [[-x, -y, z], [-x + 30, -y, z]]
    outside = run("segment", small_file, "-o", output, "--overwrite", "--point", f"{x},{y},{z}")
    assert_refused(outside, 3, f"The point {x:.1f}, {y:.1f}, {z:.1f}")


def test_a_folder_with_a_dicom_series_will_do(tmp_path, small, output):
    phantoms.write_dicom(small, tmp_path / "dicom")
    ended = run("segment", tmp_path / "dicom", "-o", output, "--no-lung-mask")
    assert ended.exit_code == 0, ended.stderr
    assert json.loads((output / "result.json").read_text("utf-8"))["input"]["format"].startswith("DICOM")


def test_an_earlier_result_stays_unless_overwriting_is_asked_for(small_file, output):
    arguments = ("segment", small_file, "-o", output, "--no-lung-mask")
    assert run(*arguments).exit_code == 0
    before = (output / "result.json").read_bytes()
    assert_refused(run(*arguments), 3, "already holds a result")
    assert (output / "result.json").read_bytes() == before
    assert run(*arguments, "--overwrite").exit_code == 0


def test_info_names_model_engines_and_what_would_run():
    ended = run("info")
    assert ended.exit_code == 0, ended.stderr
    model = load_bundle()
    for text in (model.name, model.checksum, "tensorflow", "onnxruntime", "openvino", "runs on"):
        assert text in ended.stdout


# ---- usage


@pytest.mark.parametrize(
    "arguments",
    [
        ("segment",),
        ("segment", "ct.nrrd"),
        ("segment", "ct.nrrd", "-o", "out", "--point", "1,2"),
        ("segment", "ct.nrrd", "-o", "out", "--point", "a,b,c"),
        ("segment", "ct.nrrd", "-o", "out", "--point", "nan,1,2"),
        ("segment", "ct.nrrd", "-o", "out", "--engine", "pytorch"),
        ("segment", "ct.nrrd", "-o", "out", "--threshold", "1.5"),
        ("segment", "ct.nrrd", "-o", "out", "--min-diameter", "-1"),
        ("segment", "ct.nrrd", "-o", "out", "--no-such-option"),
        ("segment", "ct.nrrd", "-o", "out", "--save-probability", "--point", "1,2,3"),
        ("dance",),
    ],
)
def test_wrong_usage_ends_with_2(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = run(*arguments)
    assert ended.exit_code == 2
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_threshold_at_which_candidates_are_cut_off_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = run("segment", "ct.nrrd", "-o", "out", "--threshold", "0.04")
    assert ended.exit_code == 2
    said = " ".join(ended.stderr.replace("│", " ").split())
    assert "The threshold 0.04 is not between 0.05 and 1: lower probabilities are not kept" in said


# ---- models and engines


@pytest.fixture
def model(tmp_path):
    """A copy of the bundled model, to be spoilt."""
    folder = tmp_path / "model"
    folder.mkdir()
    for file in default_path().iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def _card(folder, **changes):
    path = folder / CARD
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


def test_a_model_with_a_wrong_checksum_is_refused(small_file, output, model):
    weights = bytearray((model / ONNX).read_bytes())
    weights[len(weights) // 2] ^= 1
    (model / ONNX).write_bytes(weights)
    assert_refused(run("segment", small_file, "-o", output, "--no-lung-mask", "--model", model), 4, "checksum")
    assert not output.exists()
    assert run("info", "--model", model).exit_code == 4


def test_a_model_of_another_architecture_is_refused(small_file, output, model):
    _card(model, architecture={"name": "transformer"})
    assert_refused(run("segment", small_file, "-o", output, "--no-lung-mask", "--model", model), 4, "architecture")
    assert not output.exists()


def test_weights_that_do_not_fit_the_architecture_are_refused(small_file, output, model):
    _card(model, architecture={"name": "unet2.5d", "filters": [8, 16, 32], "slices": 5})
    arguments = ("--no-lung-mask", "--model", model, "--engine", "tensorflow")
    assert_refused(run("segment", small_file, "-o", output, *arguments), 4, "do not fit the architecture")
    assert not output.exists()


def test_a_ct_outside_what_the_model_was_trained_on_is_segmented_with_a_warning(small_file, output, model):
    _card(model, limits={"slice_step_mm": [0.5, 2.5], "pixel_spacing_mm": [0.5, 2.0]})
    ended = run("segment", small_file, "-o", output, "--no-lung-mask", "--model", model)
    assert ended.exit_code == 0, ended.stderr
    assert "Note: Slices lie 3 mm apart; the model was trained on 0.5 to 2.5 mm." in ended.stderr
    assert "Pixels" not in ended.stderr


def test_a_folder_without_a_model_is_refused(small_file, output, tmp_path):
    assert_refused(run("segment", small_file, "-o", output, "--model", tmp_path / "nowhere"), 4, "no model")
    assert not output.exists()


def test_an_engine_that_is_not_installed_ends_with_5(small_file, output):
    # an import that finds nothing, in a process of its own: how it is on a machine without that library
    hidden = (
        "import importlib.util as u; find = u.find_spec; u.find_spec = lambda n: None if n == 'openvino' else find(n)"
    )
    arguments = ("--no-lung-mask", "--engine", "openvino")
    ended = run_process("segment", small_file, "-o", output, *arguments, code=f"{hidden}; {MAIN}")
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "not installed" in ended.stderr
    assert not output.exists()


# ---- how it ends


def test_debug_shows_where_an_error_came_from(output, tmp_path):
    ended = run("segment", tmp_path / "nowhere.nrrd", "-o", output, "--debug")
    assert ended.exit_code == 3
    assert "Traceback" in ended.stderr


# the real signal, at a moment that is not left to chance: after the first slices
_INTERRUPTED = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so would this
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may be run with nohup
from LungTumorSegLib import case
segment = case.segment
def interrupted(ct, options, progress, **opened):
    def step(now):
        if now.stage == "network" and now.done:
            os.kill(os.getpid(), signal.{signal})
        progress(now)
    return segment(ct, options, step, **opened)
case.segment = interrupted
"""
# of one closed terminal the shell tells after the kernel; here amid the clean-up
_AND_AGAIN = """
import pathlib
rmdir = pathlib.Path.rmdir
def interrupted_again(path):
    os.kill(os.getpid(), signal.SIGHUP)
    rmdir(path)
pathlib.Path.rmdir = interrupted_again
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signal")
@pytest.mark.parametrize("name, more", [("SIGINT", ""), ("SIGTERM", ""), ("SIGHUP", _AND_AGAIN)])
def test_ctrl_c_and_its_like_end_with_130_and_nothing_half_written(small_file, output, name, more):
    code = _INTERRUPTED.replace("{signal}", name) + more + MAIN
    ended = run_process("segment", small_file, "-o", output, "--no-lung-mask", "--engine", "openvino", code=code)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr.splitlines()[-1] == "lungtumorseg: Cancelled."
    assert "Traceback" not in ended.stderr
    assert not output.exists()


def test_the_command_in_a_process_of_its_own_takes_paths_in_any_script(small, tmp_path):
    path = tmp_path / "Patientin Müller 肺.nrrd"
    phantoms.write_image(replace(small, name="x"), path)
    ended = run_process("segment", path, "-o", tmp_path / "Ergebnis Ωμ", "--no-lung-mask", "--png")
    assert ended.returncode == 0, ended.stderr
    record = json.loads((tmp_path / "Ergebnis Ωμ" / "result.json").read_text("utf-8"))
    assert record["input"]["name"] == "Patientin Müller 肺"


def test_pictures_that_no_run_wrote_stay_when_a_result_is_replaced(small_file, output):
    assert run("segment", small_file, "-o", output, "--png", *POINT).exit_code == 0
    assert (output / "lesion_01.png").exists()
    for name in ("lesion_before_surgery.png", "lesion_77.png"):
        (output / name).write_bytes(b"the user's own")
    again = run("segment", small_file, "-o", output, "--overwrite", *POINT)
    assert again.exit_code == 0, again.stderr
    left = {path.name for path in output.glob("*.png")}
    assert left == {"lesion_before_surgery.png", "lesion_77.png"}
    record = json.loads((output / "result.json").read_text("utf-8"))
    assert record["files"] == ["lesions.csv", "result.json", "segmentation.seg.nrrd"]


@pytest.mark.parametrize("folder", ["case [lung] 1", "[bold]", "Fälle 肺"])
def test_the_paths_that_are_printed_are_those_of_the_files(small_file, tmp_path, folder):
    ended = run_process("segment", small_file, "-o", tmp_path / folder, *POINT)
    assert ended.returncode == 0, ended.stderr
    assert str(tmp_path / folder / "result.json") in ended.stdout.splitlines()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file names of any bytes")
def test_a_file_name_that_is_no_utf8_is_read(small_file, tmp_path):
    name = os.fsencode(tmp_path) + b"/M\xfcller.nrrd"
    os.link(small_file, name)
    ended = run("segment", os.fsdecode(name), "-o", tmp_path / "out", *POINT)
    assert ended.exit_code == 0, ended.stderr
    assert json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))["input"]["name"] == "M\ufffdller"


def test_a_label_map_has_the_ids_of_the_table(small_file, output):
    ended = run("segment", small_file, "-o", output, "--no-lung-mask", "--labels", output / "labels.nii.gz")
    assert ended.exit_code == 0, ended.stderr
    assert str(output / "labels.nii.gz") in ended.stdout.splitlines()
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(output / "labels.nii.gz")))
    with (output / "lesions.csv").open(encoding="utf-8", newline="") as file:
        listed = {int(row["id"]): float(row["volume_mm3"]) for row in csv.DictReader(file) if row["listed"] == "true"}
    voxels = {int(i): float((labels == i).sum()) * 1.5 * 1.5 * 3 for i in np.unique(labels[labels > 0])}
    assert listed and voxels == pytest.approx(listed)


def test_a_label_map_that_cannot_be_written_is_said_before_any_work(small_file, output):
    ended = run("segment", small_file, "-o", output, "--labels", output / "labels.png")
    assert_refused(ended, 3, "No label map can be written as labels.png")
    assert "Segmenting" not in ended.stderr and not output.exists()
