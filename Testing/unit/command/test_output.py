"""Paths, letters, pipes and folders as the system has them: what the command says is exact, and never an error."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from LungTumorSegLib.model.bundle import default_path

from Testing.support import phantoms
from Testing.support.command_case import MAIN, assert_refused, command, run, run_process

X, Y, Z = phantoms.NODULE[0]
POINT = ("--point", f"{-X},{-Y},{Z}")
ENCODINGS = (
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
)
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file names of any bytes")


# ---- paths and letters


def test_paths_are_printed_byte_for_byte_whatever_the_encoding_of_the_log(small_file, tmp_path):
    folder = tmp_path / "Fälle [肺] Ω"
    ended = run_process("segment", small_file, "-o", folder, *POINT, encoding=None, PYTHONIOENCODING="cp1252")
    assert ended.returncode == 0, ended.stderr
    assert os.fsencode(folder / "result.json") in ended.stdout.splitlines()
    assert b"Lesion" in ended.stdout


@linux
@pytest.mark.parametrize("environment", ENCODINGS, ids=("ascii", "C"))
def test_paths_of_any_bytes_are_read_written_printed_and_named_in_errors(small_file, tmp_path, environment):
    base = os.fsencode(tmp_path)
    source, folder = base + b"/M\xfcller.nrrd", base + b"/F\xe4lle"
    os.link(small_file, source)
    ended = run_process("segment", source, "-o", folder, *POINT, encoding=None, **environment)
    assert ended.returncode == 0, ended.stderr
    assert folder + b"/result.json" in ended.stdout.splitlines()
    record = json.loads(Path(os.fsdecode(folder), "result.json").read_text("utf-8"))
    assert record["input"]["name"] == "M\ufffdller"
    again = run_process("segment", source, "-o", folder, *POINT, encoding=None, **environment)
    assert again.returncode == 3
    assert again.stderr.startswith(b"lungtumorseg: " + folder + b" already holds a result")  # exact there too
    assert again.stderr.count(b"\n") == 1


@linux
def test_a_model_in_a_folder_of_any_bytes_is_named_in_the_record_of_its_run(small_file, tmp_path, output):
    folder = os.fsencode(tmp_path) + b"/mod\xe8le"
    Path(os.fsdecode(folder)).symlink_to(default_path())
    ended = run_process("segment", small_file, "-o", output, *POINT, "--model", folder, encoding=None)
    assert ended.returncode == 0, ended.stderr
    assert json.loads((output / "result.json").read_text("utf-8"))["options"]["model"].endswith("mod\ufffdle")


def test_a_printed_path_is_no_option_where_it_begins_with_a_dash():
    code = "from pathlib import Path; from LungTumorSegLib.cli.output import print_path; print_path(Path('-o/a b'))"
    assert run_process(code=code).stdout == "./-o/a b\n"


def test_info_prints_the_folder_of_a_model_as_it_is(tmp_path):
    folder = tmp_path / "[bold]modèle"
    folder.symlink_to(default_path())
    ended = run_process("info", "--model", folder, encoding=None, PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    assert b"folder    " + os.fsencode(folder) in ended.stdout.splitlines()


@pytest.mark.parametrize("environment", ENCODINGS, ids=("ascii", "C"))
@pytest.mark.parametrize("arguments", [("segment", "--engine", "肺", "-o", "x", "y"), ("Ωμέγα",), ("--help",)])
def test_letters_that_the_encoding_lacks_are_no_error(arguments, environment):
    ended = run_process(*arguments, encoding=None, **environment)
    assert ended.returncode == (0 if arguments == ("--help",) else 2)
    assert b"Traceback" not in ended.stderr + ended.stdout
    assert b"Error" in ended.stderr or ended.returncode == 0


# ---- empty arguments


@pytest.mark.parametrize("empty", ["", " "])
@pytest.mark.parametrize(
    "arguments",
    [
        ("segment", None, "-o", "out"),
        ("segment", "ct.nrrd", "-o", None),
        ("segment", "ct.nrrd", "-o", "out", "--model", None),
        ("segment", "ct.nrrd", "-o", "out", "--series", None),
        ("segment", "ct.nrrd", "-o", "out", "--engine", None),
        ("segment", "ct.nrrd", "-o", "out", "--point", None),
        ("info", "--model", None),
    ],
)
def test_an_empty_argument_is_wrong_use(arguments, empty, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = run(*(empty if a is None else a for a in arguments))
    assert ended.exit_code == 2
    said = " ".join(ended.stderr.replace("│", " ").split())
    assert any(words in said for words in ("is empty", "is not a point", "is not one of"))
    assert list(tmp_path.iterdir()) == []


# ---- pipes


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's pipe")
@pytest.mark.parametrize("both", [False, True])
def test_a_reader_that_leaves_is_no_error_and_harms_no_result(small_file, output, both):
    line, environment = command("segment", small_file, "-o", output, *POINT)
    reading, writing = os.pipe()
    os.close(reading)  # whoever read it has gone
    stderr = writing if both else subprocess.PIPE
    ended = subprocess.run(line, env=environment, stdout=writing, stderr=stderr)
    os.close(writing)
    assert ended.returncode == 0
    assert b"rror" not in (ended.stderr or b"")
    assert (output / "result.json").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's pipe")
@pytest.mark.parametrize("arguments", [("info",), ("segment", "--help")])
def test_the_first_lines_alone_may_be_read(arguments):
    line, environment = command(*arguments)
    with subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()  # libraries may have something to say as well
    assert process.returncode == 0
    assert b"Traceback" not in said and b"BrokenPipe" not in said


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's pipe")
def test_wrong_use_is_wrong_use_whoever_reads_it():
    line, environment = command("segment", "--nonsense")
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(line, env=environment, stdout=subprocess.PIPE, stderr=writing)
    os.close(writing)
    assert ended.returncode == 2 and not ended.stdout


# ---- two runs in one folder

# holds the folder until its standard input ends
_HOLDS = """
import sys
from pathlib import Path

from LungTumorSegLib.writers import result_files

with result_files.reserved(Path(sys.argv[1])):
    print("reserved", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def first_run(output):
    """Another process that has reserved the output folder."""
    line, environment = command(output, code=_HOLDS)
    with subprocess.Popen(line, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"reserved"
        yield process
        process.kill()


@pytest.mark.parametrize("more", [(), ("--overwrite",)])
def test_a_second_run_into_the_same_folder_is_refused_and_harms_nothing(small_file, output, first_run, more):
    before = sorted(output.iterdir())
    assert_refused(run("segment", small_file, "-o", output, *more), 3, "Another run is writing its results to")
    assert sorted(output.iterdir()) == before
    first_run.stdin.close()
    assert first_run.wait() == 0
    assert not output.exists()


def test_a_link_to_the_folder_of_another_run_is_that_folder(small_file, output, first_run, tmp_path):
    (tmp_path / "link").symlink_to(output)
    assert_refused(run("segment", small_file, "-o", tmp_path / "link"), 3, "Another run is writing its results to")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL")
def test_the_lock_of_a_killed_run_does_not_block_the_next(small_file, output, first_run):
    first_run.send_signal(signal.SIGKILL)
    first_run.wait()
    assert list(output.iterdir())  # the lock's file is still there
    ended = run("segment", small_file, "-o", output, *POINT)
    assert ended.exit_code == 0, ended.stderr
    assert {p.name for p in output.iterdir()} == {"segmentation.seg.nrrd", "lesions.csv", "result.json"}


_STARTED = f"""
from LungTumorSegLib import case
segment = case.segment
def announced(ct, options, progress, **opened):
    print("segmenting", flush=True)
    import sys
    sys.stdin.read()
    return segment(ct, options, progress, **opened)
case.segment = announced
{MAIN}
"""


def test_a_run_that_works_keeps_its_folder_until_it_has_written(small_file, output):
    line, environment = command("segment", small_file, "-o", output, *POINT, code=_STARTED)
    with subprocess.Popen(line, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline().strip() == b"segmenting"
        second = run("segment", small_file, "-o", output, "--overwrite", *POINT)
        process.stdin.close()
        process.stdout.read()
    assert_refused(second, 3, "Another run is writing its results to")
    assert process.returncode == 0
    assert {p.name for p in output.iterdir()} == {"segmentation.seg.nrrd", "lesions.csv", "result.json"}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_an_output_that_takes_nothing_hides_no_exit_code_and_shows_no_traceback(output):
    line, environment = command("segment", "missing.nrrd", "-o", output)
    with Path("/dev/full").open("wb") as full:
        assert subprocess.run(line, env=environment, stderr=full, check=False).returncode == 3
    closed = ["sh", "-c", '"$@" 2>&-', "sh", *line]
    assert subprocess.run(closed, env=environment, check=False).returncode == 3
    line, environment = command("--version")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(line, env=environment, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode != 0 and b"No space" in done.stderr and b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_log_that_takes_nothing_is_said_once(output):
    done = run_process("segment", "missing.nrrd", "-o", output, "--log", "/dev/full")
    assert done.returncode == 3 and done.stderr.count("can't be written any more") == 1
    assert "Traceback" not in done.stderr and "Logging error" not in done.stderr
