"""``--report``, ``--pdf`` and ``--language``: the page beside the other files, and what is refused before the run."""

import json
import sys

import pytest

from Testing.support import phantoms
from Testing.support.command_case import assert_refused, run

X, Y, Z = phantoms.NODULE[0]
POINT = ("--point", f"{-X},{-Y},{Z}")


def test_the_page_is_one_of_the_files_and_goes_with_them(small_file, output):
    ended = run("segment", small_file, "-o", output, "--report", "--language", "zh-CN", *POINT)
    assert ended.exit_code == 0, ended.stderr
    assert str(output / "report.html") in ended.stdout.splitlines()
    record = json.loads((output / "result.json").read_text("utf-8"))
    page = (output / "report.html").read_text("utf-8")
    assert "report.html" in record["files"] and record["input"]["voxels_sha256"] in page
    assert 'lang="zh-CN"' in page and str(small_file.parent) not in page
    assert run("segment", small_file, "-o", output, "--overwrite", *POINT).exit_code == 0
    assert not (output / "report.html").exists()


def test_without_weasyprint_a_pdf_is_refused_before_anything_is_computed(small_file, output, monkeypatch):
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    ended = run("segment", small_file, "-o", output, "--pdf", *POINT)
    assert_refused(ended, 3, "pip install weasyprint")
    assert not output.exists()


@pytest.mark.parametrize("options", [("--language", "de", "--report"), ("--language", "zh-CN")])
def test_an_unknown_language_or_one_without_a_report_is_wrong_use(tmp_path, options):
    ended = run("segment", tmp_path, "-o", tmp_path / "out", *options)
    assert ended.exit_code == 2 and not (tmp_path / "out").exists()
