"""The pictures for the READMEs: the command makes all of them, on a phantom, in a process without an engine."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from Testing.support.paths import ROOT
from Testing.tools.screenshots.album import Album, beside

COMMAND = [sys.executable, "-m", "Testing.tools.screenshots"]
STATES = {"panel-empty", "panel-ready", "panel-running", "panel-findings", "panel-error", "panel-light", "panel-dark",
          "panel-narrow-light", "panel-narrow-dark", "panel-wide-light", "panel-wide-dark", "panel-dense", "adjust",
          "views", "overview", "click"}  # fmt: skip
# of the outlines' palette (terminology), the first: vermilion
OUTLINE = (213, 94, 0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screenshots")
    done = subprocess.run([*COMMAND, "--recording", str(folder)], capture_output=True, text=True)
    if done.returncode == 3 and "CI" not in os.environ:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.stem: path for path in folder.iterdir()}


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_every_state_has_a_picture_of_its_own(pictures):
    assert set(pictures) == {*STATES, "recording"}
    assert len({path.read_bytes() for path in pictures.values()}) == len(STATES) + 1


def test_every_picture_is_small_enough_for_the_repository(pictures):
    small = {name: path.stat().st_size for name, path in pictures.items() if name != "recording"}
    assert {name: size for name, size in small.items() if size > 200_000} == {}


def test_the_recording_moves_from_the_open_ct_to_the_result(pictures):
    assert pictures["recording"].stat().st_size < 2_000_000
    film = Image.open(pictures["recording"])
    assert film.format == "WEBP" and film.n_frames >= 8
    frames = []
    for number in (0, film.n_frames - 1):
        film.seek(number)
        frames.append(np.asarray(film.convert("RGB")).astype(int))
    # the bar of the axial view is nearly as red, in both
    open_ct, result = (np.count_nonzero(np.abs(frame - OUTLINE).max(axis=2) < 60) for frame in frames)
    assert result > open_ct + 200


def test_the_panel_is_pictured_at_320_400_and_550_pixels_and_with_twice_the_pixels(pictures):
    widths = {name: pixels(path).shape[1] for name, path in pictures.items()}
    for style in ("light", "dark"):
        assert [widths[f"panel{size}-{style}"] for size in ("-narrow", "", "-wide")] == [320, 400, 550]
    assert widths["panel-dense"] == 800


def test_the_dark_panel_is_dark_and_its_text_light(pictures):
    dark = pixels(pictures["panel-dark"]).max(axis=2)
    assert np.median(dark) < 80 and np.percentile(dark, 99) > 150


def test_the_views_show_the_lesion_in_all_four(pictures):
    views = pixels(pictures["views"])
    half, wide = views.shape[0] // 2, views.shape[1] // 2
    near = np.abs(views - OUTLINE).max(axis=2) < 60
    for part in (near[:half, :wide], near[:half, wide:], near[half:, :wide], near[half:, wide:]):
        assert np.count_nonzero(part) > 20


def test_without_fonts_no_picture_is_made_and_the_reason_is_said(tmp_path):
    empty = tmp_path / "fonts.conf"
    empty.write_text("<?xml version='1.0'?><!DOCTYPE fontconfig SYSTEM 'fonts.dtd'><fontconfig></fontconfig>")
    environment = {**os.environ, "FONTCONFIG_FILE": str(empty), "QT_QPA_FONTDIR": str(tmp_path)}
    done = subprocess.run([*COMMAND, str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 3 and "fonts" in done.stderr.splitlines()[-1], done.stderr


def test_an_outline_keeps_its_colour_beside_greys_and_larger_coloured_things(tmp_path):
    rng = np.random.default_rng(0)
    picture = np.repeat(rng.integers(0, 256, (200, 200, 1)), 3, axis=2).astype(np.uint8)
    picture[:60] = (243, 74, 51)
    picture[60:90] = np.linspace((100, 100, 180), (190, 190, 230), 200)
    picture[150, 20:180] = OUTLINE
    Album(tmp_path).put("one", picture)
    found = pixels(tmp_path / "one.png")
    assert np.abs(found[150, 20:180] - OUTLINE).max() < 12
    assert np.abs(found - picture).max() < 16


def test_an_album_takes_only_the_pictures_it_is_for(tmp_path):
    album = Album(tmp_path, ("wanted",))
    for name in ("wanted", "other"):
        album.put(name, np.zeros((4, 4, 3), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["wanted.png"] == [path.name for path in album.written]


def test_pictures_of_different_height_stand_side_by_side():
    row = beside(np.full((10, 4, 3), 200, np.uint8), np.zeros((6, 5, 3), np.uint8), gap=2)
    assert row.shape == (10, 11, 3)
    assert (row[6:, 6:] == 200).all() and (row[:6, 6:] == 0).all()
