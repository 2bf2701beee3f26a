"""The report of a follow-up: its plots hold the numbers of the table, its page is whole and asks no host."""

import base64
import datetime
import io
import json
import math
import re
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from LungTumorSegLib.findings.follow_up.change import change, size_errors
from LungTumorSegLib.findings.follow_up.follow import follow
from LungTumorSegLib.findings.follow_up.recist import recist
from LungTumorSegLib.findings.suggestions.nodule import Suggestion
from LungTumorSegLib.report import page
from LungTumorSegLib.report.follow_up import prepare
from LungTumorSegLib.report.follow_up_content import content
from LungTumorSegLib.report.follow_up_plot import lines, plots
from LungTumorSegLib.writers.follow_up_files import save_follow_up
from LungTumorSegLib.writers.follow_up_table import rows
from PIL import Image

from Testing.support import chromium, moved_chest, phantoms
from Testing.unit.test_follow_up import sized, still
from Testing.unit.test_follow_up_change import ball

A, B, C = ((-80.0, 0.0, 0.0), 20.0, 40), ((80.0, 10.0, 0.0), 12.0, 40), ((-80.0, 40.0, 20.0), 14.0, 40)
DATES = datetime.date(2024, 1, 5), datetime.date(2024, 4, 3), datetime.date(2024, 10, 1)
CTS = [A, B], [sized(A, 26.0), C], [sized(A, 30.0), C]  # A grows, B is gone, C is new and stays


@pytest.fixture(scope="module")
def ct():
    return replace(phantoms.chest((3.0, 3.0, 3.0), lesions=(A, B))[0], source={"path": "/home/Doe^Jane/ct.nrrd"})


@pytest.fixture(scope="module")
def followed(ct):
    points = [moved_chest.point(ct, lesions, date=date) for lesions, date in zip(CTS, DATES, strict=True)]
    return follow(points, 2 * [still(ct.geometry)], notes=["A note <b>of</b> the run."])


@pytest.fixture(scope="module")
def folder(followed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("follow up report") / "out"
    response, found = recist(followed), {1: [Suggestion("Lung-RADS v2022", ("4B",), "solid")]}
    write = partial(prepare(followed.points[-1].ct).write, follow_up=followed, response=response, suggestions=found)
    save_follow_up(followed, folder, response=response, suggestions=found, also=[write])
    return folder


@pytest.fixture(scope="module")
def html(folder):
    return (folder / "report.html").read_text("utf-8")


def drawn(axes):
    """Of each lesion by its number: dates, values, and lower and upper ends of the bars."""
    found = {}
    for bars in axes.containers:
        line, _, (stems,) = bars.lines
        ends = np.array([segment[:, 1] for segment in stems.get_segments()])
        found[int(bars.get_label())] = (*line.get_data(), ends)
    return found


def test_the_plots_hold_the_table_s_numbers_at_the_cts_dates(followed):
    table = [row for row in rows(followed, ()) if row["id"] is not None]
    figures = plots(followed, recist(followed))
    for name, column in (("long_axis", "long_axis_mm"), ("volume", "volume_mm3")):
        (axes,) = figures[name].axes
        shown = drawn(axes)
        assert set(shown) == {1, 3}  # 2 is in one CT alone
        for lesion, (dates, values, _) in shown.items():
            own = [row for row in table if row["lesion"] == lesion]
            assert values == pytest.approx([row[column] for row in own])
            days = [(date - DATES[0]).days for date in DATES if date.isoformat() in {row["date"] for row in own}]
            first = axes.get_xticks()[0]
            assert np.asarray(dates) - first == pytest.approx(days, abs=5)  # beside each other
        assert [label.get_text() for label in axes.get_xticklabels()] == [str(date) for date in DATES]
        low, high = axes.get_ylim()
        assert all(low <= ends.min() and ends.max() <= high for *_, ends in shown.values())


def test_the_bars_of_two_cts_make_the_error_of_the_change(followed):
    for one, other in ((ball(10), ball(12)), (ball(20, 5), ball(19, 2.5))):
        volumes, axes = zip(size_errors(one), size_errors(other), strict=True)
        found = change(one, other)
        assert math.hypot(*volumes) == pytest.approx(found.volume_limit_percent)
        assert math.hypot(*axes) == pytest.approx(found.long_axis_limit_mm, rel=0.05)
    line, bars = lines(followed)[0], drawn(plots(followed, recist(followed))["long_axis"].axes[0])[1][2]
    assert np.diff(bars)[:, 0] / 2 == pytest.approx(line.long_axis_error_mm)
    (axes,) = plots(followed, recist(followed))["volume"].axes
    low, high = drawn(axes)[1][2].T
    factor = 1 + np.array(line.volume_error_percent) / 100
    assert low == pytest.approx(line.volume_mm3 / factor) and high == pytest.approx(line.volume_mm3 * factor)


def test_the_sum_is_drawn_with_its_response_and_thresholds(followed):
    response = recist(followed)
    (axes,) = plots(followed, response)["sum"].axes
    sums = [each.sum_mm for each in response.responses]
    assert axes.lines[0].get_ydata() == pytest.approx(sums)
    words = [text.get_text() for text in axes.texts]
    assert [word for word in words if word[0].isdigit()] == [
        f"{sums[0]:.1f}", *(f"{each.sum_mm:.1f} {each.response}" for each in response.responses[1:])
    ]  # fmt: skip
    partial_response, progress = (axes.lines[k].get_ydata()[0] for k in (1, 2))
    assert partial_response == pytest.approx(0.7 * sums[0]) and progress >= sums[0] + 5


def test_without_dates_the_cts_are_numbered_and_without_a_pair_there_is_no_line(ct):
    point = moved_chest.point(ct, [A])
    followed = follow([point, point], [still(ct.geometry)])
    (axes,) = plots(followed, recist(followed))["long_axis"].axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["CT 1", "CT 2"]
    apart = follow([point, moved_chest.point(ct, [])], [still(ct.geometry)])
    assert set(plots(apart, recist(apart))) == {"sum"}
    empty = follow(2 * [moved_chest.point(ct, [])], [still(ct.geometry)])
    made = page.render(content(empty, recist(empty)), "en", page.FOLLOW_UP)
    assert "That does not mean that there is none." in made and "there is no sum" in made


def test_dates_that_are_close_are_turned(ct):
    for days, turned in (((0, 90, 270), 0), ((0, 20, 270), 30)):
        dates = [DATES[0] + datetime.timedelta(days=number) for number in days]
        points = [moved_chest.point(ct, [A], date=date) for date in dates]
        followed = follow(points, 2 * [still(ct.geometry)])
        (axes,) = plots(followed, recist(followed))["sum"].axes
        assert {label.get_rotation() for label in axes.get_xticklabels()} == {turned}


def test_every_picture_is_inside_and_whole(html):
    kinds = []
    for kind, data in re.findall(r'<img[^>]*src="data:image/([^;]+);base64,([^"]+)"', html):
        kinds.append(kind)
        picture = base64.b64decode(data)
        if kind == "jpeg":
            assert np.asarray(Image.open(io.BytesIO(picture))).std() > 5
        else:
            assert picture.startswith(b"<?xml") and b"<path" in picture and b"<script" not in picture
    assert kinds == 3 * ["svg+xml"] + 3 * ["jpeg"]


def test_the_page_tells_sizes_fates_sums_and_suggestions(html, followed):
    text = re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<style>.*?</style>", "", html))
    for row in rows(followed, ()):
        if row["id"] is not None:
            assert page.number(row["volume_mm3"]) in text and page.number(row["long_axis_mm"], 1) in text
        if row["volume_change_percent"] is not None:
            assert page.signed(row["volume_change_percent"]) in text
    for each in recist(followed).responses:
        assert page.number(each.sum_mm, 1) in text
    for words in (*map(str, DATES), "growing", "gone", "new", "4B (solid)", "A note &lt;b&gt;of", "vessels correlate"):
        assert words in text, words
    assert "Research use only, not a medical device" in text and "Without a line" in text
    assert "Doe" not in text


def test_a_browser_shows_it_without_complaint_and_asks_no_host(folder, tmp_path):
    seen = chromium.opened(folder / "report.html", tmp_path)
    assert seen.console == [] and seen.requests == []
    pixels = np.asarray(Image.open(seen.picture).convert("RGB")).astype(int)
    plotted = pixels[300:900]  # the colour of lesion 1, on white
    assert (np.abs(plotted - (217, 95, 2)).sum(-1) < 60).sum() > 300


def test_it_goes_with_the_comparison_that_wrote_it(folder, followed, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert (copy / "report.html").exists() and (copy / "suggestions.csv").exists()
    assert json.loads((copy / "follow_up.json").read_text("utf-8"))["suggestions"][0]["categories"] == ["4B"]
    save_follow_up(replace(followed, tracks=followed.tracks[:1]), copy, overwrite=True)
    assert not (copy / "report.html").exists() and not (copy / "suggestions.csv").exists()


def test_the_path_is_named_only_if_asked_for(ct, followed):
    named = prepare(ct, identify=True)
    assert named.patient == {"path": "/home/Doe^Jane/ct.nrrd"}
    made = page.render(content(followed, recist(followed), None, named.patient), "zh-CN", page.FOLLOW_UP)
    assert "Doe^Jane" in made and "肺部病灶随访" in made and "growing" not in re.sub(r'class="more">[^<]*', "", made)
