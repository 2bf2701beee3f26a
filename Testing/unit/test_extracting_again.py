"""A lesion that has not changed since the last extraction is not computed again."""

from collections import Counter

import numpy as np
import pytest
from LungTumorSegLib.data import CT, Options
from LungTumorSegLib.lesions import extraction

from Testing.support.blocks import ball, blank, candidate, cone, extracted, rating


@pytest.fixture
def ct() -> CT:
    return blank()


@pytest.fixture
def counted(monkeypatch):
    """How often what takes time was called, by name."""
    counts = Counter()

    def count(name):
        function = getattr(extraction, name)

        def counting(*given, **named):
            counts[name] += 1
            return function(*given, **named)

        monkeypatch.setattr(extraction, name, counting)

    for name in ("split_bodies", "measure"):
        count(name)
    return counts


def test_only_lesions_that_changed_are_measured_again_and_all_are_as_without_the_last_call(ct, counted):
    steep, soft = candidate(ct, ball(ct, (20, 15, 15), 6)), candidate(ct, cone(ct, (20, 45, 45), 12))
    kept = {}
    for asked, split, measured in (
        (Options(), 2, 2),
        (Options(min_confidence=0.5, min_diameter_mm=4.0), 0, 0),
        (Options(threshold=0.6), 2, 1),
        (Options(threshold=0.6, lung_restriction=False), 0, 0),
        (Options(), 2, 1),
    ):
        counted.clear()
        found, masks = extracted(ct, steep, soft, options=asked, card=rating(mean_p=1.0), kept=kept)
        assert (counted["split_bodies"], counted["measure"]) == (split, measured), asked
        afresh, other = extracted(ct, steep, soft, options=asked, card=rating(mean_p=1.0))
        assert found == afresh and len(found) == 2
        assert all(np.array_equal(a, b) for a, b in zip(masks, other, strict=True))


def test_what_the_last_call_leaves_does_not_grow(ct):
    kept, sizes = {}, []
    for threshold in (0.3, 0.5, 0.7):
        extracted(ct, cone(ct, (20, 30, 30), 20), options=Options(threshold=threshold), kept=kept)
        sizes.append(len(kept))
    assert sizes == [2, 2, 2]
