"""`python -m training all` from start to end, on a pack made in code and with a few steps of each fit."""

import json

import pytest
from LungTumorSegLib.model.bundle import CARD, CLASSIFIER, COARSE, load_bundle
from typer.testing import CliRunner

from Testing.support import made_up_pack
from training import config
from training.cli import app
from training.data import prepare
from training.examples import prepared_masses
from training.fitting import folds, operating_point, unet

pytestmark = pytest.mark.usefixtures("untraced")  # 9 networks are fitted, 4 steps each

SETTINGS = """
[data]
pack = "{0}/pack"
split = "{0}/split.csv"
prepared = "{0}/prepared"
demo = "{0}/demo"
[network]
filters = [2, 4]
[fit]
run = "{0}/run"
precision = "float32"
epoch_steps = 2
{1}{1}mined = true
ct_share = 0.25
[coarse]
filters = [3, 3]
{2}mass_share = 0.5
[classifier]
filters = [2, 2, 2]
patch_steps = 4
ct_steps = 4
batch = 8
"""
STAGE = """[[fit.stages]]
steps = 4
learning_rate = 1e-2
warmup_steps = 1
crop = 32
batch = 4
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain")
    made_up_pack.make(folder)
    (folder / "settings.toml").write_text(
        SETTINGS.format(folder.as_posix(), STAGE, STAGE.replace("fit.stages", "coarse.stages"))
    )
    return folder


def everything(folder) -> str:
    ended = CliRunner().invoke(
        app, ["all", "--config", str(folder / "settings.toml"), "--bundle", str(folder / "final")]
    )
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_one_command_leaves_a_bundle_with_its_figures_and_a_second_call_passes_over_it_all(folder, monkeypatch):
    monkeypatch.setattr(unet, "VALIDATION_EXAMPLES", 8)
    monkeypatch.setattr(folds, "STEPS", 5)
    made_up_pack.take_few_cubes(monkeypatch)
    monkeypatch.setattr(prepared_masses, "EACH", 2)
    prepare.prepare_patches(config.load(folder / "settings.toml"))
    alone = CliRunner().invoke(app, ["fit", "--config", str(folder / "settings.toml")])
    assert "Stage 2 wants the false positives of stage 1" in str(alone.exception)  # `all` mines
    assert "of the stored output" in everything(folder)
    made = load_bundle(folder / "final")
    assert made.has(CLASSIFIER.onnx) and made.has(COARSE.onnx) and made.card.coarse.filters == (3, 3)
    written = json.loads((folder / "final" / CARD).read_text())
    assert written["figures"]["whole_cts_unseen"]
    assert [stage["steps"] for stage in written["fitted"]["stages"]] == [4, 4]
    assert [stage["steps"] for stage in written["fitted"]["coarse_stages"]] == [4]
    assert made.card.map_calibration and 0 < made.card.threshold < 1
    left = {path: path.stat().st_mtime_ns for path in (folder / "run").rglob("*.weights.h5") if "stage" in str(path)}
    records = {path: path.stat().st_mtime_ns for path in (folder / "run" / "evaluation").rglob("automatic/*.json")}
    assert left and len(records) == 2 * 4  # of each CT: its own tumour, val, test, and test once more where it was read

    operating = [
        (folder / "run" / name / "operating.json").read_text() for name in ("", "folds/fold-a", "folds/fold-b")
    ]
    monkeypatch.setattr(unet, "_watch", None)  # nothing is fitted
    monkeypatch.setattr(operating_point, "_click_dice", None)  # nor clicked
    everything(folder)
    assert operating == [
        (folder / "run" / name / "operating.json").read_text() for name in ("", "folds/fold-a", "folds/fold-b")
    ]
    assert load_bundle(folder / "final").checksum == made.checksum
    assert json.loads((folder / "final" / CARD).read_text())["figures"] == written["figures"]
    assert all(path.stat().st_mtime_ns == time for path, time in (left | records).items())
