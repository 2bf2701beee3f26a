"""A made-up result with everything in it, for what only stores or shows results. Its CT is noise."""

from dataclasses import replace

import numpy as np
from LungTumorSegLib.data import CT, Candidate, Lesion, Lungs, Options, Rating, Result
from LungTumorSegLib.enums import Side, Status
from LungTumorSegLib.geometry import Box, Geometry

MODEL = {"name": "Modell ü", "version": "1.2", "checksum": "abc"}


def oblique_geometry(shape_zyx=(20, 24, 28), spacing_xyz=(0.7, 0.9, 2.5)) -> Geometry:
    """A grid turned around two axes, with its x axis to the right: nothing in it is symmetric."""
    a, b = np.deg2rad((20, -10))
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return Geometry(shape_zyx, spacing_xyz, (-31.3, 17.1, 404.0), tuple((turn @ tilt @ np.diag([-1, 1, 1])).ravel()))


def make_ct(geometry: Geometry | None = None) -> CT:
    geometry = geometry or oblique_geometry()
    voxels = np.random.default_rng(1).normal(-700, 100, geometry.shape_zyx).astype(np.int16)
    return CT(voxels, geometry, "Größe 肺", {"path": "ct.nrrd", "format": "NRRD", "warnings": ["A remark."]})


def make_result(ct: CT, **changes) -> Result:
    """Three lesions, the second sharing voxels with the first; two candidates; lungs; a probability map."""
    boxes = Box((2, 3, 4), (6, 9, 11)), Box((4, 6, 8), (9, 12, 15)), Box((15, 18, 20), (19, 23, 27))
    lesions, masks = [], []
    for number, box in enumerate(boxes, 1):
        mask = np.ones(box.shape, bool)
        mask[0, 0, 0] = False
        corners = ct.geometry.lps([box.start, np.subtract(box.stop, 1)])
        lesions.append(
            Lesion(
                id=number,
                label_box=box,
                volume_mm3=float(mask.sum()) * ct.geometry.voxel_mm3,
                long_axis_mm=(12.0, 31.0, 7.5)[number - 1],
                short_axis_mm=5.25,
                axis_points_lps=tuple(map(tuple, np.vstack([corners, corners]).tolist())),
                slice_index=box.start[0] + 1,
                mean_hu=-31.7,
                side=(Side.LEFT, Side.RIGHT, Side.UNKNOWN)[number - 1],
                confidence=(0.9, 0.1 + 0.2, None)[number - 1],
                threshold=0.5,
                status=(Status.ACCEPTED, Status.EDITED, Status.REJECTED)[number - 1],
            )
        )
        masks.append(mask)
    block = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    candidates = (
        Candidate(Box((1, 2, 3), (4, 6, 8)), block),
        Candidate(
            Box((5, 6, 7), (8, 10, 12)),
            block[::-1],
            (1.5, -2.5, 3.0),
            0.17,
            (Rating((1.25, -2.0, 3.5), -0.75), Rating((9.0, 8.0, 7.0), 2.5)),
        ),
    )
    label = np.zeros((4, 5, 6), np.uint8)
    label[1:3, 2:4, 1:3] = 2
    grid = Geometry((4, 5, 6), (3.0, 3.0, 3.0), (0.0, 1.0, 2.0))
    values = {
        "geometry": ct.geometry,
        "candidates": candidates,
        "lungs": Lungs(
            label, np.linspace(0, 1, 120, dtype=np.float32).reshape(4, 5, 6), grid, Box((0, 1, 0), (4, 5, 6)), 2.5
        ),
        "lesions": tuple(lesions),
        "masks": tuple(masks),
        "options": Options(threshold=0.4, points_lps=((1.5, -2.5, 3.0),)),
        "model": MODEL,
        "engine": "onnxruntime",
        "device": "CPU",
        "reason": "the CPU was asked for",
        "precision": "float32",
        "seconds": {"lungs": 0.1, "network": 1.7},
        "peak_memory_mb": 812.5,
        "notes": ("A note.",),
        "probability": np.random.default_rng(2).integers(0, 256, ct.geometry.shape_zyx, dtype=np.uint8),
    }
    return Result(**(values | changes))


def with_less_likely(result: Result, **changes) -> Result:
    """The same with a fourth lesion that is not listed, of 3.5 mm; changes: of that lesion."""
    box = Box((1, 1, 1), (3, 4, 5))
    values = {"id": 4, "label_box": box, "long_axis_mm": 3.5, "confidence": 0.01, "status": Status.ACCEPTED}
    lesion = replace(result.lesions[0], **(values | {"listed": False} | changes))
    return replace(result, less_likely=(lesion,), less_likely_masks=(np.ones(box.shape, bool),))


def assert_same(one, other):
    """The same dataclasses, arrays bit for bit."""
    assert type(one) is type(other)
    for name in one.__dataclass_fields__:
        a, b = getattr(one, name), getattr(other, name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b), name
        elif name in ("masks", "less_likely_masks"):
            assert len(a) == len(b)
            assert all(np.array_equal(x, y) and x.dtype == y.dtype for x, y in zip(a, b, strict=True))
        elif name in ("candidates", "lungs") and a is not None:
            pairs = zip(a, b, strict=True) if isinstance(a, tuple) else [(a, b)]
            for x, y in pairs:
                assert_same(x, y)
        else:
            assert a == b, name
