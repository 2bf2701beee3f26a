"""CTs that are compared in the child process, with what was found in them before."""

import datetime
import tempfile
import time
from dataclasses import replace

import numpy as np
import pytest
from LungTumorSegLib.chronology import InOrder
from LungTumorSegLib.data import Options
from LungTumorSegLib.enums import Fate, Status
from LungTumorSegLib.errors import InputError
from LungTumorSegLib.findings.follow_up.follow import follow
from LungTumorSegLib.worker import comparing
from LungTumorSegLib.worker.client import WorkerClient

from Testing.support import moved_chest, phantoms
from Testing.unit.test_follow_up import still

A, B, C = ((-80.0, 0.0, 0.0), 20.0, 40), ((80.0, 10.0, 0.0), 12.0, 40), ((-80.0, 40.0, 20.0), 14.0, 40)
LARGER = (A[0], 26.0, 40)
DATES = datetime.date(2024, 1, 5), datetime.date(2024, 7, 3)
KNOWN = InOrder((0, 1), DATES, True, ("A note.",))


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Where a run makes its folder."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def finished(run):
    end = time.monotonic() + 120
    while run.result is None:
        run.poll(0.1)
        assert time.monotonic() < end, "it never happened"
    return run.result


def test_what_is_handed_over_arrives_as_it_was(tmp_path):
    ct, _ = phantoms.chest((6.0, 6.0, 6.0), lesions=(A, B))
    points = moved_chest.point(ct, [A, B], date=DATES[0]), moved_chest.point(ct, [LARGER, C], date=DATES[1])
    request = comparing.hand_over((ct, ct), KNOWN, (points[0].result, None), tmp_path)
    cts, known, results = comparing.take_over(request, tmp_path)
    assert np.array_equal(cts[1].voxels_zyx, ct.voxels_zyx) and known == KNOWN
    assert results[0].lesions == points[0].result.lesions and results[1] is None

    points = points[0], replace(points[1], clicked=frozenset({2}))
    followed = follow(points, [still(ct.geometry)], notes=["A note."])
    found = comparing.take_over_found(comparing.hand_over_found(followed, tmp_path), tmp_path, (ct, ct))
    assert {track.steps[0].fate for track in found.tracks} == {Fate.GROWING, Fate.GONE, Fate.NEW}
    assert found.tracks == followed.tracks and found.notes == followed.notes
    assert [(p.date, p.clicked, p.result.lesions) for p in found.points] == [
        (p.date, p.clicked, p.result.lesions) for p in followed.points
    ]
    (one,), (other,) = found.registrations, followed.registrations
    assert (one.geometry, one.agreement) == (other.geometry, other.agreement)
    assert np.array_equal(one.displacement_zyx, other.displacement_zyx)


def test_the_child_follows_what_a_user_has_reviewed_and_refuses_one_ct_given_twice(temporary):
    ct = moved_chest.painted(moved_chest.chest(), [A, B])
    noise = np.random.default_rng(3).normal(0, 15, ct.voxels_zyx.shape)
    bare = replace(ct, voxels_zyx=np.rint(ct.voxels_zyx + noise).astype(np.int16))
    later = moved_chest.painted(bare, [LARGER])
    before, after = moved_chest.point(ct, [A, B]).result, moved_chest.point(later, [LARGER, B]).result
    large, _ = before.lesions
    before = replace(before, lesions=(large, replace(before.lesions[1], status=Status.REJECTED)))
    after = replace(after, lesions=(after.lesions[0], replace(after.lesions[1], status=Status.REJECTED)))
    with WorkerClient() as client:
        with pytest.raises(InputError, match="one CT was given twice"):
            finished(client.compare((ct, ct), KNOWN, (before, before), Options()))
        found = finished(client.compare((ct, later), KNOWN, (before, after), Options()))
    (track,) = found.tracks  # a rejected lesion is not followed
    assert track.lesions == (1, 1) and track.steps[0].fate == Fate.GROWING
    assert track.steps[0].doubling.days > 0
    assert np.abs(found.registrations[0].later(np.array([A[0]])) - A[0]).max() < 2
    assert list(temporary.iterdir()) == []
