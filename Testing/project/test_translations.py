"""The panel's translations: none is missing, none is stale, and each can stand where the English text stood."""

import os
import re
import shutil
import string
import subprocess
import sys
from pathlib import Path

import PySide6
import pytest

from Testing.support.paths import MODULE
from Testing.tools import translations

FILES = sorted(translations.FOLDER.glob("*.ts"))
# no word of them is translated
SAME = {"mm", " mm", "ml", "HU", "CT:", "Slicer {0}.{1}", "Python {0}", "{0}:", "{0}: {1} of {2}", "{0:.1f} mm"}
SAME |= {"{0:.1f} mm, {1:.2f} ml"}
HAN = re.compile("[一-鿿]")
each_language = pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)


def test_chinese_is_shipped():
    assert [path.name for path in FILES] == ["LungTumorSeg_zh-CN.ts"]


@each_language
def test_no_text_is_missing_and_none_is_stale(path):
    """To be mended with ``python -m Testing.tools.translations`` and by hand in the .ts file."""
    known = translations.read(path)
    wanted = {(context, text) for context, found in translations.texts().items() for text in found}
    there = {(context, text) for context, found in known.items() for text in found}
    assert wanted - there == set() and there - wanted == set()
    assert [text for found in known.values() for text, translated in found.items() if not translated] == []


def pairs(path):
    return [pair for found in translations.read(path).values() for pair in found.items()]


def placeholders(text):
    return sorted((name, form) for _, name, form, _ in string.Formatter().parse(text) if name is not None)


@each_language
def test_placeholders_line_breaks_and_edges_agree(path):
    for text, translated in pairs(path):
        assert placeholders(text) == placeholders(translated), text
        assert text.count("\n") == translated.count("\n"), text
        for part in (slice(0, 1), slice(-1, None)):
            assert text[part].isspace() == translated[part].isspace(), text


@each_language
def test_a_text_has_one_translation_wherever_it_stands(path):
    found = {}
    for text, translated in pairs(path):
        assert found.setdefault(text, translated) == translated


def test_chinese_is_chinese_with_its_own_punctuation():
    for text, translated in pairs(translations.FOLDER / "LungTumorSeg_zh-CN.ts"):
        assert HAN.search(translated) or text in SAME, text
        assert not re.search("[一-鿿] ?[,.;:?!()]", translated), translated


@each_language
def test_the_file_that_slicer_loads_is_made_from_this_one(path, tmp_path):
    translations.compile_file(path, tmp_path / "made.qm")
    assert (tmp_path / "made.qm").read_bytes() == path.with_suffix(".qm").read_bytes()


def test_a_new_text_comes_in_unfinished_and_a_stale_one_leaves(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(translations, "FOLDER", tmp_path)
    path = tmp_path / "LungTumorSeg_zh-CN.ts"
    translations.write(path, {"panel.old": {"Gone": "没了"}, "panel.click": {"Found: {0}": "已检出：{0}"}})
    assert translations.main() == 1
    found = translations.read(path)
    assert "panel.old" not in found and found["panel.click"]["Found: {0}"] == "已检出：{0}"
    assert "'Segment' is not translated" in capsys.readouterr().out
    assert path.with_suffix(".qm").is_file()


@pytest.mark.skipif("SLICER_SOURCE" not in os.environ, reason="needs a checkout of Slicer in SLICER_SOURCE")
def test_slicers_own_tool_finds_the_same_texts(tmp_path):
    shutil.copytree(MODULE, tmp_path / "source")
    script = Path(os.environ["SLICER_SOURCE"]) / "Utilities" / "Scripts" / "update_translations.py"
    lupdate = Path(PySide6.__file__).parent / "lupdate"
    command = [sys.executable, script, "--lupdate", lupdate, "-c", "LungTumorSeg", "-l", "zh-CN", "-t", tmp_path]
    subprocess.run([*command, "-s", tmp_path / "source"], check=True, capture_output=True)
    found = translations.read(tmp_path / "LungTumorSeg_zh-CN.ts")
    assert {context: sorted(texts) for context, texts in found.items()} == {
        context: sorted(texts) for context, texts in translations.texts().items()
    }
