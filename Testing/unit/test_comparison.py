"""What is said and refused before lesions of several CTs are followed: order, patients, registrations, clicks."""

import datetime
from dataclasses import replace

import pytest
from LungTumorSegLib import chronology, tracking
from LungTumorSegLib.errors import InputError
from LungTumorSegLib.findings.follow_up.agreement import Agreement
from LungTumorSegLib.readers.acquisition import Acquisition

from Testing.support import blocks, moved_chest, phantoms
from Testing.unit.test_follow_up import still

EARLY, LATE = datetime.date(2024, 1, 5), datetime.date(2024, 7, 3)
ONE, OTHER = (replace(blocks.blank(), name=name) for name in ("first", "second"))
GOOD, DOUBTFUL, FAILED = (Agreement(0.97, 1.0, far, v) for far, v in ((3.0, 0.8), (3.0, 0.6), (9.0, 0.45)))


def doubts(agreement, known):
    return tracking._doubts((ONE, OTHER), [still(ONE.geometry, agreement)], known)


def test_a_good_registration_needs_no_word():
    assert doubts(GOOD, known=False) == []


def test_a_doubtful_registration_is_said():
    (note,) = doubts(DOUBTFUL, known=False)
    assert note.startswith("The registration of CT 1 (first) and CT 2 (second) is doubtful (vessels 0.60")


def test_lungs_that_do_not_agree_are_refused_unless_the_patient_is_known():
    with pytest.raises(InputError, match=r"do not agree .*another patient, not the same part of the lungs"):
        doubts(FAILED, known=False)
    (note,) = doubts(FAILED, known=True)
    assert "failed" in note and "their lesions were not compared" in note


UNKNOWN = (Acquisition(), Acquisition())


def ordered(dates, about=UNKNOWN):
    return chronology.in_order((ONE, OTHER), about, dates)


def test_cts_are_put_into_the_order_of_their_dates_and_that_is_said():
    known = ordered((LATE, EARLY))
    assert (known.order, known.dates) == ((1, 0), (EARLY, LATE))
    assert known.notes == (
        "The CTs were put into the order of their dates: CT 2 (second) of 2024-01-05, CT 1 (first) of 2024-07-03.",
    )
    assert ordered((EARLY, LATE)).notes == ()


def test_without_dates_or_with_one_day_no_doubling_time_is_promised():
    assert "No dates are known" in ordered(None).notes[0] and "No dates are known" in ordered((None, None)).notes[0]
    assert "Two CTs are of one day" in ordered((EARLY, EARLY)).notes[0]


def test_the_files_date_is_taken_where_none_is_given():
    about = [Acquisition(date=LATE), Acquisition()]
    assert ordered((None, EARLY), about).dates == (EARLY, LATE)
    with pytest.raises(InputError, match=r"The date of CT 2 \(second\) is not known"):
        ordered(None, about)


def test_a_given_date_that_is_not_the_files_own_is_said():
    about = [Acquisition(date=EARLY), Acquisition()]
    assert chronology._contradicted((ONE, OTHER), (LATE, LATE), about) == [
        "CT 1 (first): the given date 2024-07-03 was taken; its DICOM files say 2024-01-05."
    ]
    assert chronology._contradicted((ONE, OTHER), (EARLY, LATE), about) == []
    assert chronology._contradicted((ONE, OTHER), None, about) == []


def test_one_ct_is_known_again_with_another_header():
    ct = phantoms.chest((6.0, 6.0, 6.0), (96, 96, 60))[0]
    moved = replace(ct, geometry=replace(ct.geometry, origin_lps=(0.4, 0.0, 0.0)))
    for other in (moved, phantoms.reorient(ct, (0, 1, 2), (True, False, False))):
        with pytest.raises(InputError, match="hold the same voxels"):
            tracking.check_different((ct, other))
    tracking.check_different((ct, replace(ct, voxels_zyx=ct.voxels_zyx + 1)))


def test_two_patients_are_found_wherever_they_stand():
    about = [Acquisition(patient_id="1"), Acquisition(), Acquisition(patient_id="2")]
    with pytest.raises(InputError, match="different patients"):
        chronology._same_patient(about, same_patient=False)
    assert chronology._same_patient(about, same_patient=True)
    assert not chronology._same_patient(about[:2], same_patient=False)
    assert chronology._same_patient([about[0], about[0]], same_patient=False)


@pytest.mark.parametrize(("confidence", "found"), [(0.5, 1), (0.027, 1), (0.001, 0), (None, 0)])
def test_what_a_click_outlines_counts_if_a_run_would_list_it(confidence, found):
    clicked = moved_chest.point(blocks.blank(), [((0.0, 0.0, 0.0), 10.0, 40)]).result
    lesion = replace(clicked.lesions[0], confidence=confidence)
    assert len(tracking._likely(replace(clicked, lesions=(lesion,)), 0.027).lesions) == found
