"""Options that tell how the command speaks: version, quiet, devices, completion, one line a stage, notes."""

import json
import re
import sys

import pytest
from LungTumorSegLib import __version__
from LungTumorSegLib.cli import run_log, segment_run
from LungTumorSegLib.model.bundle import load_bundle

from Testing.support import phantoms, results
from Testing.support.command_case import STAGE, assert_refused, run, run_process

X, Y, Z = phantoms.NODULE[0]
POINT = ("--point", f"{-X},{-Y},{Z}")


@pytest.mark.parametrize("option", ["--min-diameter", "--add-hu"])
@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_number_that_is_none_is_wrong_use(tmp_path, option, value):
    assert run("segment", tmp_path / "ct.nrrd", "-o", tmp_path / "out", option, value).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_the_version_is_told():
    ended = run("--version")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (0, f"LungTumorSeg {__version__}\n", "")


@pytest.fixture(scope="module")
def many(tmp_path_factory, small):
    """A run with many options: how it ended, and its folder."""
    folder = tmp_path_factory.mktemp("many")
    phantoms.write_image(small, folder / "ct.nrrd")
    options = ("--series", "1.2", "--allow-partial", "--no-lung-mask", "--device", "cpu", "--engine", "onnxruntime")
    ended = run_process("segment", folder / "ct.nrrd", "-o", folder, *options, "--identify", *POINT, COLUMNS="80")
    assert ended.returncode == 0, ended.stderr
    return ended, folder


def test_a_log_file_gets_one_line_a_stage_with_its_seconds(many):
    lines = [line for line in many[0].stderr.splitlines() if not line.startswith("Note: ")]
    assert all(STAGE.fullmatch(line) for line in lines)
    stages = [line.split(":")[0] for line in lines]
    assert stages == ["Finding the lungs", "Loading the model", "Segmenting", "Rating each lesion", "Measuring"]


@pytest.mark.parametrize(
    "said",
    [
        "--series has no effect: the CT is no DICOM series.",
        "--allow-partial has no effect: the CT is no DICOM series.",
        "--no-lung-mask has no effect: with --point no lungs are looked for.",
    ],
)
def test_an_option_without_effect_is_said(many, said):
    assert f"Note: {said}" in many[0].stderr.splitlines()


def test_the_device_can_be_chosen(many):
    assert "on onnxruntime, CPU, float32" in many[0].stdout
    for wrong in (("--device", "tpu"), ("--precision", "int4"), ("--threads", "0")):
        assert run("segment", "ct.nrrd", "-o", "out", *wrong).exit_code == 2


def test_the_path_is_in_the_record_when_the_ct_is_to_be_identified(many):
    record = json.loads((many[1] / "result.json").read_text("utf-8"))
    assert record["input"]["path"] == str(many[1] / "ct.nrrd")


def test_the_table_says_how_it_is_ordered(many):
    assert "Ordered by confidence in steps of 0.1, then by long axis, greatest first." in many[0].stdout


def test_the_table_shows_the_listed_lesions_and_counts_the_others(capsys):
    ct = results.make_ct()
    for result, said in (
        (results.with_less_likely(results.make_result(ct)), ["1 less likely in lesions.csv"]),
        (results.make_result(ct), []),
    ):
        segment_run._print(result, (), [])
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[0] for line in lines if line.split()[:1] and line.split()[0].isdigit()][:3] == list("123")
        assert [line for line in lines if "less likely" in line] == said
        assert not any(line.split()[:1] == ["4"] for line in lines)


def test_the_table_fits_80_columns_and_its_places_are_what_point_takes(many, tmp_path):
    ended, folder = many
    lines = ended.stdout.splitlines()
    assert max(len(line) for line in lines[:5]) <= 80
    place = next(line for line in lines if line.split()[:1] == ["1"]).split()[-1]
    again = run("segment", folder / "ct.nrrd", "-o", tmp_path / "again", "--engine", "onnxruntime", "--point", place)
    assert again.exit_code == 0, again.stderr
    records = [json.loads((out / "result.json").read_text("utf-8")) for out in (folder, tmp_path / "again")]
    first, second = (record["lesions"][0]["volume_mm3"] for record in records)
    assert second == pytest.approx(first, rel=0.1)


def test_options_that_have_their_effect_are_not_said_to_lack_it(small, tmp_path, output):
    phantoms.write_dicom(small, tmp_path / "dicom")
    ended = run("segment", tmp_path / "dicom", "-o", output, "--no-lung-mask", "--allow-partial", "--series", "1.2.826")
    assert ended.exit_code == 0, ended.stderr
    assert "no effect" not in ended.stderr


def test_a_device_that_is_not_there_ends_with_5(small_file, output):
    asked = ("--device", "gpu", "--engine", "openvino")  # which runs on CPUs
    ended = run("segment", small_file, "-o", output, *asked, *POINT)
    assert_refused(ended, 5, "OpenVINO is used on the CPU only")


def test_a_precision_that_the_engine_does_not_have_ends_with_5(small_file, output):
    asked = ("--precision", "bfloat16", "--engine", "onnxruntime")
    ended = run("segment", small_file, "-o", output, *asked, *POINT)
    assert_refused(ended, 5, "can't compute in bfloat16")
    assert not output.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="bash completes")
@pytest.mark.parametrize(
    ("words", "found"), [("seg", {"segment"}), ("segment --dev", {"--device"}), ("segment --engine open", {"openvino"})]
)
def test_the_shell_completes_commands_options_and_values(words, found):
    asked = {"_LUNGTUMORSEG_COMPLETE": "complete_bash", "COMP_WORDS": f"lungtumorseg {words}"}
    ended = run_process(**asked, COMP_CWORD=str(len(words.split())))
    assert set(ended.stdout.split()) >= found, ended.stderr


# ---- JSON lines and the log of runs


def test_quiet_prints_notes_and_errors_only(small_file, output):
    ended = run("segment", small_file, "-o", output, "--quiet", "--series", "1.2", *POINT)
    assert ended.exit_code == 0, ended.stderr
    assert ended.stdout == ""
    assert {line.split()[0] for line in ended.stderr.splitlines()} == {"Note:"}
    assert (output / "result.json").is_file()
    assert_refused(run("segment", small_file, "-o", output, "--quiet"), 3, "already holds a result")


def test_json_lines_tell_progress_notes_and_the_result(small_file, output):
    ended = run_process("segment", small_file, "-o", output, "--json", "--series", "1.2", *POINT)
    assert ended.returncode == 0, ended.stderr
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    kinds = [line["type"] for line in lines]
    assert kinds == sorted(kinds, key=("progress", "note", "result").index)
    assert {line["stage"] for line in lines if line["type"] == "progress"} >= {"engine", "network", "lesions"}
    assert any("--series has no effect" in line["text"] for line in lines if line["type"] == "note")
    *_, result = lines
    assert result["folder"] == str(output)
    assert sorted(result["files"]) == sorted(path.name for path in output.iterdir())
    assert result["lesions"] == json.loads((output / "result.json").read_text("utf-8"))["lesions"] != []
    assert ended.stderr == ""


def test_quiet_json_lines_leave_the_progress_out(small_file, output):
    ended = run("segment", small_file, "-o", output, "--json", "--quiet", *POINT)
    assert "progress" not in {json.loads(line)["type"] for line in ended.stdout.splitlines()}


def test_an_error_is_a_json_line_too(tmp_path, output):
    ended = run("segment", tmp_path / "nowhere.nrrd", "-o", output, "--json")
    said = json.loads(ended.stdout)
    assert (ended.exit_code, said["type"], said["exit_code"], said["error"]) == (3, "error", 3, "UnreadableError")
    assert ended.stderr == f"lungtumorseg: {said['message']}\n"


def test_the_log_of_runs_has_ids_versions_and_seconds_and_nothing_about_patients(small_file, output, tmp_path):
    log = tmp_path / "logs" / "runs.log"
    patient = small_file.with_name("Miller_Jane_1950.nrrd")
    small_file.rename(patient)
    assert run("segment", patient, "-o", output, "--log", log, *POINT).exit_code == 0
    assert run("segment", tmp_path / "Miller.nrrd", "-o", output, "--overwrite", "--log", log).exit_code == 3
    lines = log.read_text("utf-8").splitlines()
    words = [line.split(maxsplit=4)[2:] for line in lines]  # after day and time
    ids = [run_id for run_id, *_ in words]
    assert [step for _, step, _ in words] == ["began:", "done:", "ended:", "began:", "ended:"]
    assert (len(set(ids[:3])), len(set(ids[3:])), len(set(ids))) == (1, 1, 2)
    assert f"LungTumorSeg {__version__}" in lines[0]
    model = load_bundle()
    assert f"{model.name} {model.version}" in lines[1]
    assert re.search(r" on \w+, CPU, (float32|bfloat16|int8); ", lines[1])
    assert re.search(r"ended: exit 0, \d+\.\d s$", lines[2])
    assert re.search(r"ended: exit 3, UnreadableError, \d+\.\d s$", lines[4])
    assert not any(word in "".join(lines) for word in ("Miller", "Jane", str(tmp_path)))


def test_the_log_of_runs_rotates(tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, "MOST_BYTES", 400)
    for _ in range(20):
        with run_log.RunLog(tmp_path / "runs.log"):
            pass
    assert {path.name for path in tmp_path.iterdir()} == {"runs.log", "runs.log.1", "runs.log.2", "runs.log.3"}
    assert all(path.stat().st_size <= 400 for path in tmp_path.iterdir())


def test_a_log_that_cannot_be_written_is_said_before_any_work(small_file, output, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert_refused(run("segment", small_file, "-o", output, "--log", tmp_path / "file" / "log"), 3, "can't be written")
    assert not output.exists()
