"""The command ``lungtumorseg``: what it writes, what it says, how it ends."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk
from LungTumorSegLib.cli.app import app
from LungTumorSegLib.data import Options
from LungTumorSegLib.model.bundle import CARD, ONNX, default_path, load_bundle
from LungTumorSegLib.readers.ct import read_ct
from LungTumorSegLib.segmentation import segment
from typer.testing import CliRunner

from Testing.support import phantoms
from Testing.support.paths import MODULE

MAIN = "from LungTumorSegLib.cli.app import main; main()"


@pytest.fixture(scope="session")
def small():
    """A CT of the part of a lung where the nodule is: quick, and without lungs to be found."""
    return phantoms.chest((1.5, 1.5, 3.0), (96, 96, 48), centre_lps=phantoms.NODULE[0])[0]


@pytest.fixture
def small_file(tmp_path, small):
    path = tmp_path / "in" / "ct.nrrd"
    path.parent.mkdir()
    phantoms.write_image(small, path)
    return path


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


def _run(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def _refused(ended, code, words):
    """It ended with the code, one sentence or two on standard error that say what is wrong, and no traceback."""
    assert ended.exit_code == code, ended.stderr or ended.exception
    assert words in ended.stderr
    assert ended.stderr.startswith("lungtumorseg: ")
    assert ended.stderr.rstrip().endswith((".", ")"))
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


# ---- what it writes


def test_it_writes_what_this_process_computes_voxel_for_voxel(small_file, output):
    ended = _run(
        "segment", small_file, "--output", output, "--no-lung-mask", "--save-probability", "--threshold", "0.3"
    )
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
        assert [float(row["volume_mm3"]) for row in csv.DictReader(file)] == [x.volume_mm3 for x in expected.lesions]


def test_the_record_names_input_model_engine_options_and_times(small_file, output):
    least = "--min-diameter", 4, "--min-confidence", 0.25
    ended = _run("segment", small_file, "-o", output, "--no-lung-mask", "--engine", "onnxruntime", *least)
    assert ended.exit_code == 0, ended.stderr
    record = json.loads((output / "result.json").read_text("utf-8"))
    model = load_bundle()
    assert record["input"]["path"] == str(small_file)
    assert record["model"] == {"name": model.name, "version": model.version, "checksum": model.checksum}
    assert (record["engine"], record["device"]) == ("onnxruntime", "CPU")
    assert record["reason"]
    assert (record["options"]["min_diameter_mm"], record["options"]["min_confidence"]) == (4, 0.25)
    assert set(record["seconds"]) == {"lungs", "engine", "network", "views", "classifier", "lesions"}
    assert record["peak_memory_mb"] > 0


def test_a_run_that_finds_nothing_is_done_and_says_so(small_file, output):
    ended = _run("segment", small_file, "-o", output, "--no-lung-mask", "--min-diameter", 500, "--png")
    assert ended.exit_code == 0, ended.stderr
    assert "No lesion was found" in ended.stdout
    assert (output / "lesions.csv").read_text("utf-8").count("\n") == 1
    assert (output / "overview.png").is_file()


def test_points_are_ras_as_slicer_shows_them(small_file, output):
    x, y, z = phantoms.NODULE[0]
    ended = _run("segment", small_file, "-o", output, "--point", f"{-x},{-y},{z}", "--point", f"{-x + 30}, {-y}, {z}")
    assert ended.exit_code == 0, ended.stderr
    record = json.loads((output / "result.json").read_text("utf-8"))
    assert record["options"]["points_ras"] == [[-x, -y, z], [-x + 30, -y, z]]
    outside = _run("segment", small_file, "-o", output, "--overwrite", "--point", f"{x},{y},{z}")
    _refused(outside, 3, f"The point {x:.1f}, {y:.1f}, {z:.1f}")


def test_a_folder_with_a_dicom_series_will_do(tmp_path, small, output):
    phantoms.write_dicom(small, tmp_path / "dicom")
    ended = _run("segment", tmp_path / "dicom", "-o", output, "--no-lung-mask")
    assert ended.exit_code == 0, ended.stderr
    assert json.loads((output / "result.json").read_text("utf-8"))["input"]["format"].startswith("DICOM")


def test_an_earlier_result_stays_unless_overwriting_is_asked_for(small_file, output):
    arguments = ("segment", small_file, "-o", output, "--no-lung-mask")
    assert _run(*arguments).exit_code == 0
    before = (output / "result.json").read_bytes()
    _refused(_run(*arguments), 3, "already holds a result")
    assert (output / "result.json").read_bytes() == before
    assert _run(*arguments, "--overwrite").exit_code == 0


def test_info_names_model_engines_and_what_would_run():
    ended = _run("info")
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
    ended = _run(*arguments)
    assert ended.exit_code == 2
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_threshold_at_which_candidates_are_cut_off_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = _run("segment", "ct.nrrd", "-o", "out", "--threshold", "0.04")
    assert ended.exit_code == 2
    said = " ".join(ended.stderr.replace("│", " ").split())
    assert "The threshold 0.04 is not between 0.05 and 1: lower probabilities are not kept" in said


# ---- bad input: code 3, a sentence, nothing written


@pytest.fixture
def refused(tmp_path, output):
    """A function that runs the command on a file made of voxels, and checks that it is refused."""

    def check(voxels_or_path, words, geometry=None):
        path = voxels_or_path
        if isinstance(path, np.ndarray):
            path = tmp_path / "bad.nrrd"
            image = sitk.GetImageFromArray(voxels_or_path, isVector=voxels_or_path.ndim == 4)
            image.SetSpacing((1.5,) * image.GetDimension())
            sitk.WriteImage(image, str(path))
        _refused(_run("segment", path, "-o", output), 3, words)
        assert not output.exists()

    return check


def test_mr_like_values_are_refused(refused, small):
    refused((np.abs(small.voxels_zyx).astype(np.int16) // 2), "isn't a CT in Hounsfield units")


def test_an_8_bit_picture_is_refused(refused, small):
    refused((small.voxels_zyx // 16 + 64).clip(0, 255).astype(np.uint8), "8-bit")


def test_an_empty_volume_is_refused(refused, small):
    refused(np.zeros_like(small.voxels_zyx), "same value")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_without_a_number_are_refused(refused, small, value):
    voxels = small.voxels_zyx.astype(np.float32)
    voxels[3, 4, 5] = value
    refused(voxels, "NaN or infinite")


def test_two_slices_are_refused(refused, small):
    refused(small.voxels_zyx[:2], "only 2 slice")


def test_a_2d_image_is_refused(refused, small):
    refused(small.voxels_zyx[4], "2 dimensions")


def test_a_colour_image_is_refused(refused, small):
    refused(np.stack([small.voxels_zyx] * 3, axis=-1), "colour")


@pytest.mark.parametrize("spacing", ["0", "-1.5", "nan"])
def test_a_spacing_that_is_no_length_is_refused(refused, small, tmp_path, spacing):
    path = tmp_path / "bad.nrrd"
    z, y, x = small.voxels_zyx.shape
    header = f"NRRD0004\ntype: short\ndimension: 3\nsizes: {x} {y} {z}\nendian: little\nencoding: raw\n"
    path.write_bytes(f"{header}spacings: 1.5 1.5 {spacing}\n\n".encode() + small.voxels_zyx.tobytes())
    refused(path, "voxel size")


def test_a_truncated_nrrd_is_refused(refused, small_file):
    small_file.write_bytes(small_file.read_bytes()[:-3000])
    refused(small_file, "cut off")


def test_a_truncated_dicom_file_is_refused(refused, small, tmp_path):
    phantoms.write_dicom(small, tmp_path / "dicom")
    file = sorted((tmp_path / "dicom").rglob("*"))[3]
    file.write_bytes(file.read_bytes()[:-2000])
    refused(tmp_path / "dicom", "cut off")


def test_an_empty_folder_is_refused(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "DICOM")


def test_a_file_that_is_not_there_is_refused(refused, tmp_path):
    refused(tmp_path / "nowhere.nrrd", "no file or folder")


def test_a_file_that_is_no_image_is_refused(refused, tmp_path):
    (tmp_path / "letter.nrrd").write_text("Dear colleague,")
    refused(tmp_path / "letter.nrrd", "letter.nrrd")


def test_an_abdomen_without_lungs_is_refused(refused, tmp_path):
    x, y, z = (0, 0, -190)
    abdomen, _ = phantoms.chest((3.0, 3.0, 5.0), (384, 288, 120), centre_lps=(x, y, z))
    phantoms.write_image(abdomen, tmp_path / "abdomen.nrrd")
    refused(tmp_path / "abdomen.nrrd", "lung")


def test_a_file_in_the_place_of_the_output_folder_is_refused(small_file, output):
    output.write_text("mine")
    _refused(_run("segment", small_file, "-o", output), 3, "a file of that name is in the way")
    assert output.read_text() == "mine"


def _without_roots_rights():
    """Root may read and write everything: what takes that from a command, where the tests run as root."""
    if not sys.platform.startswith("linux"):
        pytest.skip("takes root's rights away the Linux way")
    if os.geteuid():
        return []
    rights = "-dac_override,-dac_read_search"
    return ["setpriv", "--bounding-set", rights, "--inh-caps", rights]


def _process(*arguments, prefix=(), code=MAIN):
    return subprocess.run(
        [*prefix, sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(MODULE)},
        capture_output=True,
        encoding="utf-8",
    )


def test_a_file_without_read_access_is_refused(small_file, output):
    small_file.chmod(0)
    ended = _process("segment", small_file, "-o", output, prefix=_without_roots_rights())
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "ermission" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not output.exists()


def test_a_folder_without_write_access_is_refused_before_any_work(tmp_path, output):
    output.mkdir(mode=0o500)
    ended = _process("segment", tmp_path / "not even there.nrrd", "-o", output, prefix=_without_roots_rights())
    assert (ended.returncode, ended.stdout) == (3, "")
    assert "no permission to write" in ended.stderr
    assert list(output.iterdir()) == []


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
    _refused(_run("segment", small_file, "-o", output, "--no-lung-mask", "--model", model), 4, "checksum")
    assert not output.exists()
    assert _run("info", "--model", model).exit_code == 4


def test_a_model_of_another_architecture_is_refused(small_file, output, model):
    _card(model, architecture={"name": "transformer"})
    _refused(_run("segment", small_file, "-o", output, "--no-lung-mask", "--model", model), 4, "architecture")
    assert not output.exists()


def test_weights_that_do_not_fit_the_architecture_are_refused(small_file, output, model):
    _card(model, architecture={"name": "unet2.5d", "filters": [8, 16, 32], "slices": 5})
    arguments = ("--no-lung-mask", "--model", model, "--engine", "tensorflow")
    _refused(_run("segment", small_file, "-o", output, *arguments), 4, "do not fit the architecture")
    assert not output.exists()


def test_a_ct_outside_what_the_model_was_trained_on_is_segmented_with_a_warning(small_file, output, model):
    _card(model, limits={"slice_step_mm": [0.5, 2.5], "pixel_spacing_mm": [0.5, 2.0]})
    ended = _run("segment", small_file, "-o", output, "--no-lung-mask", "--model", model)
    assert ended.exit_code == 0, ended.stderr
    assert "Note: Slices lie 3 mm apart; the model was trained on 0.5 to 2.5 mm." in ended.stderr
    assert "Pixels" not in ended.stderr


def test_a_folder_without_a_model_is_refused(small_file, output, tmp_path):
    _refused(_run("segment", small_file, "-o", output, "--model", tmp_path / "nowhere"), 4, "no model")
    assert not output.exists()


def test_an_engine_that_is_not_installed_ends_with_5(small_file, output):
    # an import that finds nothing, in a process of its own: how it is on a machine without that library
    hidden = (
        "import importlib.util as u; find = u.find_spec; u.find_spec = lambda n: None if n == 'openvino' else find(n)"
    )
    arguments = ("--no-lung-mask", "--engine", "openvino")
    ended = _process("segment", small_file, "-o", output, *arguments, code=f"{hidden}; {MAIN}")
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "not installed" in ended.stderr
    assert not output.exists()


# ---- how it ends


def test_debug_shows_where_an_error_came_from(output, tmp_path):
    ended = _run("segment", tmp_path / "nowhere.nrrd", "-o", output, "--debug")
    assert ended.exit_code == 3
    assert "Traceback" in ended.stderr


# the real signal, at a moment that is not left to chance: after the first slices
_INTERRUPTED = f"""
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and so would this
from LungTumorSegLib.cli import segment as command
segment = command.segment
def interrupted(ct, options, progress):
    def step(now):
        if now.stage == "network" and now.done:
            os.kill(os.getpid(), signal.SIGINT)
        progress(now)
    return segment(ct, options, step)
command.segment = interrupted
{MAIN}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signal")
def test_ctrl_c_ends_with_130_and_nothing_half_written(small_file, output):
    ended = _process("segment", small_file, "-o", output, "--no-lung-mask", code=_INTERRUPTED)
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr.splitlines()[-1] == "lungtumorseg: Cancelled. Nothing was written."
    assert "Traceback" not in ended.stderr
    assert not output.exists()


def test_the_command_in_a_process_of_its_own_takes_paths_in_any_script(small, tmp_path):
    path = tmp_path / "Patientin Müller 肺.nrrd"
    phantoms.write_image(replace(small, name="x"), path)
    ended = _process("segment", path, "-o", tmp_path / "Ergebnis Ωμ", "--no-lung-mask", "--png")
    assert ended.returncode == 0, ended.stderr
    record = json.loads((tmp_path / "Ergebnis Ωμ" / "result.json").read_text("utf-8"))
    assert record["input"]["name"] == "Patientin Müller 肺"
