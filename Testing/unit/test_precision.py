"""Engines and precisions tell the same: how far their probabilities differ, and that the lesions are the same."""

import numpy as np
import pytest
from LungTumorSegLib.data import Options
from LungTumorSegLib.enums import Precision
from LungTumorSegLib.errors import EngineError
from LungTumorSegLib.model.bundle import load_bundle
from LungTumorSegLib.model.engines.choose import open_engine
from LungTumorSegLib.segmentation import segment

from Testing.support import phantoms

NODULES = tuple(
    ((x, y, 0.0), 12.0, hu) for x, y, hu in ((-95.0, 10.0, 30.0), (-70.0, -10.0, -100.0), (95.0, 10.0, 60.0))
)
# (median, 99th percentile, most) of the difference in p, one step of a map is 0.004; the least agreement of volumes
LIMITS = {
    Precision.FLOAT32: (0.0, 0.004, 0.004, 0.99),
    Precision.BFLOAT16: (0.0, 0.01, 0.05, 0.97),
    Precision.INT8: (0.004, 0.03, 0.15, 0.93),
}


@pytest.fixture(scope="module")
def model():
    return load_bundle()


@pytest.fixture(scope="module")
def clicked(model):
    """(engine, precision) -> what three clicks give; TensorFlow is left to the tests of the export."""
    ct, _ = phantoms.chest((1.5, 1.5, 3.0), size_mm=(300, 120, 90), lesions=NODULES)
    options = Options(points_lps=tuple(place for place, *_ in NODULES))
    found = {}
    for name in ("openvino", "onnxruntime"):
        for precision in (p for p in Precision if p != Precision.AUTO):
            try:
                engine = open_engine(model, name, "cpu", precision)
            except EngineError:
                continue
            found[name, precision] = segment(ct, options, engine=engine, bundle=model)
    return found


def test_every_precision_that_there_is_was_asked_for(clicked):
    assert {("openvino", "float32"), ("onnxruntime", "float32")} <= set(clicked)
    assert all(result.precision == precision for (_, precision), result in clicked.items())


def test_probabilities_differ_by_no_more_than_the_precision_makes(clicked):
    reference = clicked["openvino", Precision.FLOAT32]
    for (name, precision), result in clicked.items():
        pairs = list(zip(reference.candidates, result.candidates, strict=True))
        assert all(a.box == b.box for a, b in pairs)
        p = np.concatenate([np.abs(a.block / 255 - b.block / 255).ravel() for a, b in pairs])
        shown = [float(np.median(p)), float(np.percentile(p, 99)), float(p.max())]
        assert all(value <= limit for value, limit in zip(shown, LIMITS[precision], strict=False)), (
            name,
            precision,
            shown,
        )


def test_the_lesions_are_the_same_in_every_precision(clicked):
    reference = clicked["openvino", Precision.FLOAT32]
    assert len(reference.lesions) == len(NODULES)
    for (name, precision), result in clicked.items():
        assert len(result.lesions) == len(reference.lesions), (name, precision)
        for a, b in zip(_by_place(reference), _by_place(result), strict=True):
            assert a.side == b.side and abs(a.confidence - b.confidence) < 0.1
            agreement = min(a.volume_mm3, b.volume_mm3) / max(a.volume_mm3, b.volume_mm3)
            assert agreement > LIMITS[precision][3], (name, precision, agreement)


def _by_place(result):
    return sorted(result.lesions, key=lambda lesion: lesion.label_box.start[2])
