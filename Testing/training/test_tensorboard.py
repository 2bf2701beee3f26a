"""What a fit on TensorFlow leaves for TensorBoard."""

import os
from importlib.util import find_spec

import pytest
from msgspec.structs import replace

from Testing.support import made_up_pack

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from training.fitting import unet


@pytest.mark.skipif(not find_spec("tensorboard") and "CI" not in os.environ, reason="TensorBoard is not installed")
def test_tensorboard_shows_loss_and_validation_of_every_epoch(tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setattr(unet, "VALIDATION_EXAMPLES", 8)
    made = made_up_pack.prepared(tmp_path)
    unet.fit_stage(replace(made, fit=replace(made.fit, run=str(tmp_path / "run"))), 0, None)
    folder = tmp_path / "run" / "stage1" / "tensorboard"
    for part, names in (("train", ["epoch_loss"]), ("validation", ["epoch_dice_click", "epoch_dice_auto"])):
        read = EventAccumulator(str(folder / part), size_guidance={"tensors": 0})
        read.Reload()
        for name in names:
            assert [event.step for event in read.Tensors(name)] == [0, 1], name
