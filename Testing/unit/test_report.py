"""The report: its pictures, words and numbers, what is not in it, and how a browser and a printer take it."""

import ast
import base64
import io
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from LungTumorSegLib.data import Options
from LungTumorSegLib.enums import Fate, LesionType, LungThird, Side
from LungTumorSegLib.errors import InputError, OutputError, UnreadableError
from LungTumorSegLib.findings.follow_up.recist import NEW_RULE, RULES
from LungTumorSegLib.findings.follow_up.verdict import Verdict
from LungTumorSegLib.findings.measuring import measures_of
from LungTumorSegLib.findings.review import Findings
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.card import OperatingPoint
from LungTumorSegLib.readers.ct import read_ct
from LungTumorSegLib.report import content, page, pdf, save, texts
from LungTumorSegLib.report.projection import spread
from LungTumorSegLib.report.save import save_report
from PIL import Image

from Testing.support import chromium, dicom_out_case, results
from Testing.support.paths import MODULE

ROOM = MODULE / "LungTumorSegLib" / "report"
EVIL = "<script>alert(1)</script>"


class _Page(HTMLParser):
    """sources: of pictures. links: every other address. text: what is read. rows: the cells of each table row."""

    def __init__(self, html):
        super().__init__()
        self.sources, self.links, self.tags, self.text, self.rows = [], [], set(), [], []
        self._in_row = False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
            self._in_row = True
        for name, value in attributes:
            if name in ("src", "href"):
                (self.sources if tag == "img" else self.links).append(value)

    def handle_endtag(self, tag):
        self._in_row &= tag != "tr"

    def handle_data(self, data):
        if self.lasttag == "style":
            return
        self.text.append(data)
        if self._in_row and data.strip():
            self.rows[-1].append(data.strip())


@pytest.fixture(scope="module")
def ct():
    return results.make_ct()


@pytest.fixture(scope="module")
def result(ct):
    """Of the bundled model, so that its card is found. Lesions: accepted, edited, rejected, and a less likely one."""
    bundle = load_bundle()
    model = {"name": bundle.name, "version": bundle.version, "checksum": bundle.checksum}
    made = results.make_result(ct, model=model, options=Options(), notes=(f"A note {EVIL}.",))
    return results.with_less_likely(made)


@pytest.fixture(scope="module")
def written(ct, result, tmp_path_factory):
    """A folder with the report in English."""
    folder = tmp_path_factory.mktemp("report") / "out"
    save_report(result, ct, folder, names={1: f"Upper one {EVIL}", 2: "Lesion 2"})
    return folder


@pytest.fixture(scope="module")
def html(written):
    return (written / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def read(html):
    return _Page(html)


def test_every_picture_is_inside_and_whole(read, result):
    kept = [lesion for lesion in result.lesions if lesion.status != "rejected"]
    assert len(read.sources) == 2 + 3 * len(kept)
    for source in read.sources:
        kind, data = source.split(",")
        assert kind == "data:image/jpeg;base64"
        picture = Image.open(io.BytesIO(base64.b64decode(data)))
        assert np.asarray(picture).std() > 5  # something is drawn


def test_nothing_outside_is_asked_for_and_no_script_runs(read, html):
    assert read.links == ["data:,"]
    assert "http" not in re.sub(r"http-equiv", "", html) and "url(" not in html
    assert "script" not in read.tags and EVIL not in html and "&lt;script&gt;" in html


def test_the_table_has_the_measures_of_the_lesions_that_count(read, result, ct):
    rows = [row for row in read.rows if len(row) > 10 and row[0].isdigit()]
    assert [row[0] for row in rows] == ["1", "2"]
    for row, lesion, measured in zip(rows, result.lesions, measures_of(result, ct), strict=False):
        words = " ".join(row)
        for number, digits in (
            (measured.subvoxel_long_axis_mm, 1), (measured.subvoxel_short_axis_mm, 1), (measured.mean_diameter_mm, 1),
            (measured.subvoxel_volume_mm3, 0), (measured.diameter_error_mm, 1), (lesion.mean_hu, 0),
        ):  # fmt: skip
            assert page.number(number, digits) in words
        assert measured.type in words and str(lesion.slice_index) in row
        assert row[-1] == ("yes" if measured.recist_measurable else "no")
    text = " ".join(read.text)
    assert "Rejected by the reader: 1" in text and "Less likely, not shown: 1" in text


def test_it_says_how_it_was_made(read, result, html):
    text = " ".join(read.text)
    for part in (
        "onnxruntime",
        "CPU",
        "float32",
        result.model["checksum"],
        "A remark.",
        "A note",
        "0.818",
        "2.5 mm apart",
    ):
        assert part in text, part
    assert "Research use only, not a medical device" in text


def test_another_model_than_the_bundled_one_has_no_figures(ct, result):
    other = replace(result, model=result.model | {"checksum": "0"})
    assert content.facts.model_facts(result) and content.facts.model_facts(other) is None
    made = content.content(other, ct, measures_of(other, ct))
    assert "not at hand any more" in page.render(made, "en")


def test_a_range_of_sizes_is_shown_where_the_card_gives_one(ct, result, html):
    assert "readers would likely outline" not in html
    first, *others = measures_of(result, ct)
    told = replace(first, volume_low_mm3=1234.4, volume_high_mm3=2001.0, long_axis_low_mm=9.04, long_axis_high_mm=13.0)
    made = page.render(content.content(result, ct, [told, *others]), "en")
    assert made.count("readers would likely outline 1\u202f234 to 2\u202f001 mm³, 9.0 to 13.0 mm") == 1


def test_a_browser_shows_it_without_complaint_and_asks_no_host(written, tmp_path):
    seen = chromium.opened(written / "report.html", tmp_path)
    assert seen.console == [] and seen.requests == []
    assert len(np.unique(np.asarray(Image.open(seen.picture).convert("RGB")).reshape(-1, 3), axis=0)) > 100


def test_a_page_that_asks_a_host_is_caught(tmp_path):
    (tmp_path / "bad.html").write_text("<img src='http://127.0.0.1:9/x.png'><script>throw 1</script>", "utf-8")
    seen = chromium.opened(tmp_path / "bad.html", tmp_path)
    assert seen.requests == ["http://127.0.0.1:9/x.png"] and seen.console


def _with_pango():
    try:
        pdf.check()
    except InputError as error:
        if "CI" in chromium.os.environ and sys.platform == "linux":
            raise
        pytest.skip(str(error))


def test_the_pdf_has_pages_of_a4_with_the_words(ct, result, tmp_path):
    _with_pango()
    files = save_report(result, ct, tmp_path / "out", language="zh-CN", with_pdf=True)
    made = (tmp_path / "out" / "report.pdf").read_bytes()
    assert tmp_path / "out" / "report.pdf" in files and made.startswith(b"%PDF")
    html = (tmp_path / "out" / "report.html").read_text("utf-8")
    from weasyprint import HTML

    pages = HTML(string=html).render().pages
    assert 1 < len(pages) < 6 and all(round(p.width) == 794 and round(p.height) == 1123 for p in pages)  # 96 a inch


# ---- words


def _used() -> set[str]:
    """Every text of templates and code that is translated."""
    source = "".join(path.read_text("utf-8") for path in sorted(ROOM.glob("*.html")))
    found = {text for pair in re.findall(r"""\bt\(\s*(?:"([^"]*)"|'([^']*)')""", source) for text in pair if text}
    kinds = (LesionType, Side, LungThird, Fate, Verdict)
    found |= {value.value for kind in kinds for value in kind if value.value} | {*RULES.values(), NEW_RULE}
    patient = next(
        node.value
        for node in ast.parse((ROOM / "facts.py").read_text("utf-8")).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "_PATIENT"
    )
    return found | {"path"} | set(ast.literal_eval(patient))


def test_no_chinese_text_is_missing_and_none_is_stale():
    assert len(_used()) > 60
    assert _used() == set(texts.CHINESE)


def test_chinese_texts_have_the_same_places_and_are_chinese():
    for text, chinese in texts.CHINESE.items():
        assert sorted(re.findall(r"{(\w+)}", text)) == sorted(re.findall(r"{(\w+)}", chinese)), text
        assert re.search("[一-鿿]", chinese), text


def test_the_chinese_page_has_no_english_sentence_of_its_own(ct, result):
    made = content.content(result, ct, measures_of(result, ct))
    chinese = _Page(page.render(made, "zh-CN"))
    words = " ".join(chinese.text)
    assert "肺部病灶" in words and "仅供科研使用" in words
    left = [text for text in texts.CHINESE if len(text) > 12 and "{" not in text and text in words]
    assert left == []


# ---- who it is of


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    return dicom_out_case.write_series(tmp_path_factory.mktemp("named") / "series")


@pytest.mark.parametrize("identify", [False, True])
def test_the_patient_is_named_only_if_asked_for(series, tmp_path, identify):
    ct = read_ct(series)
    made = dicom_out_case.made_result(ct)
    save_report(made, ct, tmp_path / "out", identify=identify)
    # any three letters stand somewhere in a picture's base64
    html = re.sub('data:image[^"]*', "", (tmp_path / "out" / "report.html").read_text("utf-8"))
    secrets = ("Doe", "Jane", "4711", "19500102", "20240305", str(series))
    assert [secret in html for secret in secrets] == [identify] * len(secrets)
    assert "Roe" not in html and ct.source["series_uid"] in html


def test_a_patient_whose_files_are_gone_cannot_be_named(series, tmp_path):
    ct = read_ct(series)
    gone = replace(ct, frames=((tmp_path / "gone.dcm", None),))
    with pytest.raises(UnreadableError, match=r"gone\.dcm cannot be read any more"):
        save_report(dicom_out_case.made_result(ct), gone, tmp_path / "out", identify=True)
    assert not (tmp_path / "out").exists()


# ---- after a review, and where it cannot be written


def test_a_reviewed_result_has_what_the_reader_left(ct, result, tmp_path):
    findings = Findings(ct, result, OperatingPoint(threshold=0.5))
    findings.set_status(1, "rejected")
    findings.rename(2, "Behind the heart")
    save_report(findings.as_result(), ct, tmp_path / "out", names=findings.names)
    read = _Page((tmp_path / "out" / "report.html").read_text("utf-8"))
    assert "Behind the heart" in " ".join(read.text)
    assert [row[0] for row in read.rows if len(row) > 10 and row[0].isdigit()] == ["2"]


def test_without_a_lesion_it_says_so(ct, result, tmp_path):
    none = replace(result, lesions=(), masks=(), less_likely=(), less_likely_masks=())
    save_report(none, ct, tmp_path / "out")
    assert "That does not mean that there is none." in (tmp_path / "out" / "report.html").read_text("utf-8")


def test_an_earlier_report_is_replaced_only_with_overwrite(written, ct, result):
    with pytest.raises(OutputError):
        save_report(result, ct, written)


@pytest.mark.parametrize(
    ("package", "with_pdf", "pip"), [("jinja2", False, "Jinja2"), ("weasyprint", True, "weasyprint")]
)
def test_a_missing_package_is_named_with_its_command(package, with_pdf, pip):
    code = f"""
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == {package!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == {package!r} else found(name, *more)
from LungTumorSegLib.report.save import check
try:
    check({with_pdf})
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=MODULE, capture_output=True, text=True)
    assert done.stdout.startswith("InputError") and f"pip install {pip}" in done.stdout, done.stderr


def test_an_unknown_language_is_refused_before_anything_is_written(ct, result, tmp_path):
    with pytest.raises(ValueError, match="xx"):
        save_report(result, ct, tmp_path / "out", language="xx")
    assert not (tmp_path / "out").exists() and save.REPORTS == ("report.html", "report.pdf")


# ---- details


def test_numbers_beside_the_chest_do_not_cover_each_other():
    assert spread([5, 5.1, 5.2], 1, 10) == pytest.approx([5, 6, 7])
    assert spread([9.9, 9.9], 1, 10) == pytest.approx([8.5, 9.5])
    assert spread([1] * 20, 1, 10) == pytest.approx(np.linspace(0.25, 9.75, 20), abs=1)
    assert spread([], 1, 10) == []


def test_numbers_are_written_as_people_write_them():
    assert page.number(1234567.4) == "1\u202f234\u202f567"
    assert page.number(-31.7) == "\u221232"
    assert page.number(-0.04, 1) == "0.0"
