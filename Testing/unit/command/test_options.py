"""Options that tell how the command speaks: version, quiet, devices, completion, one line a stage, notes."""

import sys

import pytest
from LungTumorSegLib import __version__

from Testing.support import phantoms
from Testing.support.command_case import STAGE, assert_refused, run, run_process

X, Y, Z = phantoms.NODULE[0]
POINT = ("--point", f"{-X},{-Y},{Z}")


def test_the_version_is_told():
    ended = run("--version")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, f"LungTumorSeg {__version__}\n", "")


def test_a_log_file_gets_one_line_a_stage_with_its_seconds(small_file, output):
    ended = run_process("segment", small_file, "-o", output, *POINT)
    assert ended.returncode == 0, ended.stderr
    lines = [line for line in ended.stderr.splitlines() if not line.startswith("Note: ")]
    assert all(STAGE.fullmatch(line) for line in lines)
    stages = [line.split(":")[0] for line in lines]
    assert stages == ["Finding the lungs", "Loading the model", "Segmenting", "Looking at each lesion", "Measuring"]


def test_quiet_prints_notes_and_errors_only(small_file, output):
    ended = run("segment", small_file, "-o", output, "--quiet", "--series", "1.2", *POINT)
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout == ""
    assert [line for line in ended.stderr.splitlines() if not line.startswith("Note: ")] == []
    assert (output / "result.json").is_file()
    assert_refused(run("segment", small_file, "-o", output, "--quiet"), 3, "already holds a result")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--series", "1.2"), "--series has no effect: the CT is no DICOM series."),
        (("--allow-partial",), "--allow-partial has no effect: the CT is no DICOM series."),
        (("--no-lung-mask",), "--no-lung-mask has no effect: with --point no lungs are looked for."),
    ],
)
def test_an_option_without_effect_is_said(small_file, output, option, said):
    ended = run("segment", small_file, "-o", output, *POINT, *option)
    assert ended.exit_code == 0, ended.stderr
    assert f"Note: {said}" in ended.stderr.splitlines()


def test_options_that_have_their_effect_are_not_said_to_lack_it(small, tmp_path, output):
    phantoms.write_dicom(small, tmp_path / "dicom")
    ended = run("segment", tmp_path / "dicom", "-o", output, "--no-lung-mask", "--allow-partial", "--series", "1.2.826")
    assert ended.exit_code == 0, ended.stderr
    assert "no effect" not in ended.stderr


def test_the_device_can_be_chosen(small_file, output):
    ended = run("segment", small_file, "-o", output, "--device", "cpu", "--engine", "onnxruntime", *POINT)
    assert ended.exit_code == 0, ended.stderr
    assert "on onnxruntime, CPU" in ended.stdout
    assert run("segment", small_file, "-o", output, "--device", "tpu").exit_code == 2


def test_a_device_that_is_not_there_ends_with_5(small_file, output):
    # OpenVINO has no GPU here: it runs on CPUs
    assert_refused(
        run("segment", small_file, "-o", output, "--device", "gpu", "--engine", "openvino", *POINT), 5, "GPU"
    )
    assert not output.exists()


def test_the_table_says_how_it_is_ordered(small_file, output):
    ended = run("segment", small_file, "-o", output, *POINT)
    assert "Ordered by confidence times long axis, greatest first." in ended.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="bash completes")
@pytest.mark.parametrize(
    ("words", "found"), [("seg", {"segment"}), ("segment --dev", {"--device"}), ("segment --engine open", {"openvino"})]
)
def test_the_shell_completes_commands_options_and_values(words, found):
    asked = {"_LUNGTUMORSEG_COMPLETE": "complete_bash", "COMP_WORDS": f"lungtumorseg {words}"}
    ended = run_process(**asked, COMP_CWORD=str(len(words.split())))
    assert set(ended.stdout.split()) >= found, ended.stderr
