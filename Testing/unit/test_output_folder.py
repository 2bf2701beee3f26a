"""What of a folder a result may replace: what an earlier run recorded as its own, and nothing else."""

import json
import signal
from pathlib import Path

import pytest
from LungTumorSegLib.errors import OutputError
from LungTumorSegLib.writers import result_files

from Testing.support import results


@pytest.fixture(scope="module")
def ct():
    return results.make_ct()


@pytest.fixture(scope="module")
def result(ct):
    return results.make_result(ct)


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", [*result_files.ALWAYS, "overview.png", "probability.nrrd"])
def test_a_file_that_no_run_has_recorded_is_not_replaced(tmp_path, name, overwrite):
    (tmp_path / name).write_text('{"files": ["lesions.csv"]}')
    with (
        pytest.raises(OutputError, match=f"holds a file {name} that no run of LungTumorSeg has recorded"),
        result_files.reserved(tmp_path, overwrite, ("overview.png", "probability.nrrd")),
    ):
        pytest.fail("it is said before the work")
    assert contents(tmp_path) == {name: b'{"files": ["lesions.csv"]}'}


@pytest.mark.parametrize("name", ["lesions.csv", "lesion_01.png", "overview.png"])
def test_nor_when_it_comes_during_the_work(tmp_path, ct, result, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=f"holds a file {name} that no run"):
        result_files.save(result, ct, tmp_path, overwrite=True, with_pictures=True)
    assert contents(tmp_path) == {name: b"mine"}


def test_a_file_that_will_not_be_written_is_in_nobodys_way(tmp_path, ct, result):
    (tmp_path / "overview.png").write_text("mine")
    for overwrite in (False, True):
        with result_files.reserved(tmp_path, overwrite):
            result_files.save(result, ct, tmp_path, overwrite)
    assert (tmp_path / "overview.png").read_text() == "mine"


def test_a_record_that_names_other_files_removes_none_of_them(tmp_path, ct, result):
    out = tmp_path / "out"
    result_files.save(result, ct, out)
    record = json.loads((out / "result.json").read_text("utf-8"))
    record["files"] += ["../lesions.csv", str(tmp_path / "lesions.csv"), "notes.txt", "lesion_7"]
    (out / "result.json").write_text(json.dumps(record), "utf-8")
    for own in (tmp_path / "lesions.csv", out / "notes.txt", out / "lesion_7"):
        own.write_text("mine")
    result_files.save(result, ct, out, overwrite=True)
    assert all(own.read_text() == "mine" for own in (tmp_path / "lesions.csv", out / "notes.txt", out / "lesion_7"))


def test_the_result_of_a_version_that_recorded_no_files_is_replaced(tmp_path, ct, result):
    result_files.save(result, ct, tmp_path)
    record = json.loads((tmp_path / "result.json").read_text("utf-8"))
    del record["files"]
    (tmp_path / "result.json").write_text(json.dumps(record), "utf-8")
    result_files.save(result, ct, tmp_path, overwrite=True)
    assert "files" in json.loads((tmp_path / "result.json").read_text("utf-8"))


def test_a_record_of_another_program_is_no_result(tmp_path, ct, result):
    theirs = '{"program": "Another 1.0", "files": ["lesions.csv", "result.json"]}'
    (tmp_path / "result.json").write_text(theirs)
    with pytest.raises(OutputError, match=r"holds a file result\.json that no run"):
        result_files.save(result, ct, tmp_path, overwrite=True)
    assert contents(tmp_path) == {"result.json": theirs.encode()}


def test_an_error_of_the_work_is_not_taken_for_one_of_the_folder(tmp_path):
    with pytest.raises(OSError, match="the disk of the CT"), result_files.reserved(tmp_path / "out"):
        raise OSError("the disk of the CT")
    assert not (tmp_path / "out").exists()


def test_a_run_saves_into_the_folder_that_it_has_reserved(tmp_path, ct, result):
    with result_files.reserved(tmp_path / "out"):
        result_files.save(result, ct, tmp_path / "out")
    assert set(contents(tmp_path / "out")) == {*result_files.ALWAYS, "probability.nrrd"}


@pytest.fixture
def stopped_while_files_move(monkeypatch):
    """Ctrl-C before each file of a result moves; its handler."""
    move = Path.replace

    def stop(number, frame):
        raise KeyboardInterrupt

    def stopped(path, target):
        signal.raise_signal(signal.SIGINT)
        return move(path, target)

    before = signal.signal(signal.SIGINT, stop)
    monkeypatch.setattr(Path, "replace", stopped)
    yield stop
    signal.signal(signal.SIGINT, before)


def test_a_stop_signal_while_the_files_move_acts_when_all_have_moved(tmp_path, ct, result, stopped_while_files_move):
    for overwrite in (False, True):
        with pytest.raises(KeyboardInterrupt):
            result_files.save(result, ct, tmp_path, overwrite, with_pictures=overwrite)
        record = json.loads((tmp_path / "result.json").read_text("utf-8"))
        assert sorted(contents(tmp_path)) == sorted(record["files"])
        assert ("overview.png" in record["files"]) is overwrite
        assert signal.getsignal(signal.SIGINT) is stopped_while_files_move
