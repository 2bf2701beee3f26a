"""The overview of a cohort: a page that shows, sorts and filters its cases, and asks no host for anything."""

import json
import re
import subprocess
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest
from LungTumorSegLib.cohort import kept, overview, tables
from LungTumorSegLib.cohort.cases import Case
from LungTumorSegLib.data import CT, Options
from LungTumorSegLib.errors import UnreadableError
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.writers import result_files, thumbnail

from Testing.support import chromium, results

LARGEST = {"a": 12.5, "b 10": 4.0, "b 9": 31.0}


class Page(HTMLParser):
    """Every element with its attributes, and all text."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """The folder of a cohort: three results, one with pictures; a refused case with letters of HTML; a missing one."""
    output = tmp_path_factory.mktemp("cohort & <more>")
    ct = results.make_ct()
    result = results.make_result(ct)
    cases, records = [], {}
    for name, largest in LARGEST.items():
        case = Case(name, output, name, Options(), {})
        place = kept.work_folder(output, case)
        result_files.save(result, ct, place, with_pictures=name == "a")
        thumbnail.write(place / "thumbnail.png", result, ct)
        found = {"lesions": 3, "largest_mm": largest, "volume_ml": 1.0, "highest_confidence": None, "seconds": 2.0}
        values = kept.done(case, 1, found | {"notes": ["A note."]}, place)
        kept.publish(output, case, values, place)
        cases.append(case)
        records[name] = values
    case = Case("broken", output, "broken", Options(), {})
    records["broken"] = kept.failed(case, 2, UnreadableError("<script>alert(1)</script> can't be read."))
    kept.publish(output, case, records["broken"])
    cases += [case, Case("late", output, "late", Options(), {})]
    tables.write(output, cases, records)
    overview.write(output, cases, records, load_bundle())
    kept.clear(output)
    return output


@pytest.fixture(scope="module")
def page(output):
    return Page((output / "index.html").read_text("utf-8"))


def test_each_case_has_a_row_with_its_values_and_its_reason(page):
    rows = {row["data-case"]: row for row in page.of("tr") if "data-case" in row}
    assert list(rows) == [*LARGEST, "broken", "late"]
    assert {name: float(rows[name]["data-largest_mm"]) for name in LARGEST} == LARGEST
    assert [row["data-status"] for row in rows.values()] == ["done"] * 3 + ["refused", "missing"]
    assert "5 cases, 9 lesions" in page.text and "3 done, 1 refused, 1 missing" in page.text
    assert "<script>alert(1)</script> can't be read." in page.text  # as text
    assert len(page.of("script")) == 1


def test_every_link_and_picture_lies_in_the_folder(page, output):
    links = [a["href"] for a in page.of("a")] + [img["src"] for img in page.of("img")]
    assert len(page.of("img")) == 3 and len(links) > 10
    assert all((output / unquote(link)).exists() for link in links)
    assert {"cases/a/overview.png", "cases/a/lesion_01.png", "cases/b%209/"} <= set(links)


def test_nothing_in_it_names_a_host(output):
    text = (output / "index.html").read_text("utf-8")
    assert not re.search(r"https?:|//\w|@import|url\(", re.sub(r"\s//\s?\w", "", text))


# what a person does, in the page itself; the answer stands in an attribute
_STEPS = """
<script>
const said = [];
addEventListener("error", event => said.push(`error: ${event.message}`));
const names = () => rows.filter(row => !row.hidden).map(row => row.dataset.case);
const press = key => document.querySelector(`th[data-key=${key}] button`).click();
const set = (id, value) => {
  field(id).value = value;
  field(id).dispatchEvent(new Event("input", {bubbles: true}));
};
addEventListener("load", () => {
  const answers = {};
  press("largest_mm"); answers.down = names();
  press("largest_mm"); answers.up = names();
  press("case"); answers.name = names();
  answers.order = [...document.querySelectorAll("tbody tr")].map(row => row.dataset.case);
  set("least", "10"); answers.large = names();
  set("least", ""); set("status", "refused"); answers.refused = names();
  set("status", ""); set("words", "READ"); answers.words = names();
  answers.shown = field("shown").textContent;
  answers.pictures = [...document.images].map(image => image.naturalWidth);
  answers.asked = performance.getEntriesByType("resource").map(entry => entry.name);
  answers.said = said;
  document.body.dataset.answers = JSON.stringify(answers);
});
</script>
"""


@pytest.fixture(scope="module")
def browsed(output):
    """What Chromium makes of the page: the answers of the steps, and its log."""
    program = chromium.program()
    text = (output / "index.html").read_text("utf-8").replace('loading="lazy"', "")
    (output / "steps.html").write_text(text.replace("</body>", _STEPS + "</body>"), "utf-8")
    line = [
        program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        "--no-first-run", f"--user-data-dir={output.parent / 'profile'}", "--enable-logging=stderr",
        "--virtual-time-budget=3000", "--dump-dom", (output / "steps.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(line, capture_output=True, text=True, timeout=120)
    (output / "steps.html").unlink()
    (body,) = Page(done.stdout).of("body")
    return json.loads(body["data-answers"]), done.stderr


def test_headings_sort_and_fields_filter(browsed):
    answers, _ = browsed
    assert answers["down"] == ["b 9", "a", "b 10", "broken", "late"]
    assert answers["up"] == ["b 10", "a", "b 9", "broken", "late"]
    assert answers["name"] == answers["order"] == ["a", "b 9", "b 10", "broken", "late"]
    assert answers["large"] == ["a", "b 9"]
    assert answers["refused"] == ["broken"] and answers["words"] == ["broken"] and answers["shown"] == "1 shown"


def test_the_browser_shows_the_pictures_without_an_error_and_without_a_request(browsed):
    answers, log = browsed
    # what the page's policy stops would be heard of on the console
    assert answers["said"] == [] and "CONSOLE" not in log
    assert answers["pictures"] == [652] * 3
    assert answers["asked"] == []  # files are not listed there, what is asked of a host is


def test_a_thumbnail_without_a_lesion_shows_the_middle(tmp_path):
    import SimpleITK as sitk

    ct = CT(results.make_ct().voxels_zyx, results.make_ct().geometry)
    thumbnail.write(tmp_path / "t.png", results.make_result(ct, lesions=(), masks=()), ct)
    strip = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "t.png")))
    assert strip.shape == (160, 652, 3)
    assert strip[:, :160].any() and not strip[:, 164:].any()


def test_a_thumbnail_outlines_each_lesion_in_its_colour(tmp_path):
    import SimpleITK as sitk

    ct = results.make_ct()
    thumbnail.write(tmp_path / "t.png", results.make_result(ct), ct)
    strip = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "t.png"))).astype(int)
    coloured = (strip.max(2) - strip.min(2) > 30).any(0)
    # the third lesion is rejected, and grey
    assert coloured[:160].any() and coloured[164:324].any() and coloured[328:488].any()
