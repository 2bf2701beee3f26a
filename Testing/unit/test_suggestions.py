"""What the guidelines suggest: a table of cases each, what is missing, what lies within the error of a threshold."""

from dataclasses import replace

import pytest
from LungTumorSegLib.enums import LesionType, Screening
from LungTumorSegLib.findings.suggestions import bts as bts_rules
from LungTumorSegLib.findings.suggestions import fleischner as rules
from LungTumorSegLib.findings.suggestions.bts import bts
from LungTumorSegLib.findings.suggestions.fleischner import fleischner
from LungTumorSegLib.findings.suggestions.lung_rads import lung_rads
from LungTumorSegLib.findings.suggestions.nodule import Growth, Nodule, Patient

SOLID, PART, GLASS = LesionType.SOLID, LesionType.PART_SOLID, LesionType.GROUND_GLASS
BASELINE, ANNUAL = Patient(screening=Screening.BASELINE), Patient(screening=Screening.ANNUAL)
NEW, STABLE = Growth(new=True), Growth(diameter_mm=0.3, days=360)
GROWING = Growth(diameter_mm=1.6, days=360)


# ---- Lung-RADS v2022


@pytest.mark.parametrize(
    ("kind", "mean", "solid", "growth", "category"),
    [
        (SOLID, 5.9, None, None, "2"),
        (SOLID, 6.0, None, None, "3"),
        (SOLID, 7.9, None, None, "3"),
        (SOLID, 8.0, None, None, "4A"),
        (SOLID, 14.9, None, None, "4A"),
        (SOLID, 15.0, None, None, "4B"),
        (SOLID, 3.9, None, NEW, "2"),
        (SOLID, 4.0, None, NEW, "3"),
        (SOLID, 6.0, None, NEW, "4A"),
        (SOLID, 8.0, None, NEW, "4B"),
        (SOLID, 7.0, None, GROWING, "4A"),
        (SOLID, 8.0, None, GROWING, "4B"),
        (SOLID, 5.9, None, STABLE, "2"),
        (SOLID, 9.0, None, STABLE, "4A"),
        (SOLID, 7.0, None, Growth(diameter_mm=1.5, days=360), "3"),
        (SOLID, 7.0, None, Growth(diameter_mm=3.0, days=800), "3"),
        (SOLID, 7.0, None, Growth(diameter_mm=5.0, days=400), "4A"),  # 13 months: 4.6 mm in 12 of them
        (PART, 5.9, 3.0, None, "2"),
        (PART, 6.0, 5.9, None, "3"),
        (PART, 9.0, 6.0, None, "4A"),
        (PART, 12.0, 8.0, None, "4B"),
        (PART, 5.0, 2.0, NEW, "3"),
        (PART, 9.0, 3.9, NEW, "4A"),
        (PART, 9.0, 4.0, NEW, "4B"),
        (PART, 9.0, 3.9, GROWING, "4A"),
        (PART, 9.0, 4.0, GROWING, "4B"),
        (GLASS, 29.9, None, None, "2"),
        (GLASS, 30.0, None, None, "3"),
        (GLASS, 30.0, None, NEW, "3"),
        (GLASS, 29.9, None, NEW, "2"),
        (GLASS, 35.0, None, STABLE, "2"),
    ],
)
def test_lung_rads(kind, mean, solid, growth, category):
    nodule = Nodule(kind, mean, solid_diameter_mm=solid, growth=growth)
    found = lung_rads(nodule, BASELINE if growth is None else ANNUAL)
    assert found.categories == (category,)
    assert found.confirmed and "airway nodules" in found.not_judged
    assert "not a decision" in found.text


@pytest.mark.parametrize(
    ("nodule", "patient", "missing"),
    [
        (Nodule(SOLID, 7.0), Patient(), "screening"),
        (Nodule(None, 7.0), BASELINE, "type of nodule"),
        (Nodule(SOLID), BASELINE, "mean diameter"),
        (Nodule(PART, 7.0), BASELINE, "diameter of the solid part"),
        (Nodule(SOLID, 7.0), ANNUAL, "an earlier CT"),
    ],
)
def test_lung_rads_without_an_input_gives_no_category(nodule, patient, missing):
    found = lung_rads(nodule, patient)
    assert found.categories == () and f"not applicable: needs {missing}" in found.text


def test_lung_rads_is_for_screening_only():
    found = lung_rads(Nodule(SOLID, 7.0), Patient(screening=Screening.INCIDENTAL))
    assert found.categories == () and "screening only" in found.text


@pytest.mark.parametrize(
    ("nodule", "categories"),
    [
        (Nodule(SOLID, 6.3, 0.5), ("2", "3")),
        (Nodule(SOLID, 6.6, 0.5), ("3",)),
        (Nodule(SOLID, 7.0, 1.5), ("2", "3", "4A")),
        (Nodule(PART, 9.0, 0.5, solid_diameter_mm=5.8, solid_error_mm=0.5), ("3", "4A")),
        (Nodule(SOLID, 7.0, growth=Growth(diameter_mm=1.2, diameter_error_mm=0.8, days=360)), ("3", "4A")),
        (Nodule(SOLID, 7.0, growth=Growth(diameter_mm=5.0)), ("3", "4A")),  # without dates
        (Nodule(SOLID, 7.0, growth=Growth(diameter_mm=1.0)), ("3",)),
    ],
)
def test_within_its_error_of_a_threshold_both_categories_are_named(nodule, categories):
    found = lung_rads(nodule, BASELINE if nodule.growth is None else ANNUAL)
    assert found.categories == categories
    assert ("within the error of a threshold" in found.text) == (len(categories) > 1)


@pytest.mark.parametrize("rule", [lung_rads, fleischner, bts])
@pytest.mark.parametrize("type", [LesionType.CALCIFIED, LesionType.CAVITATED])
def test_a_calcified_or_cavitated_nodule_is_the_readers(rule, type):
    patient = replace(LOW, screening=Screening.BASELINE) if rule is lung_rads else LOW
    found = rule(Nodule(type, 9.0, volume_mm3=380), patient)
    assert found.categories == () and f"a {type} nodule is the reader's to judge" in found.text


# ---- Fleischner 2017


KNOWN = {"age": 60, "screening": Screening.INCIDENTAL, "known_cancer": False, "immunosuppressed": False}
LOW = Patient(**KNOWN, high_risk=False, several=False)
HIGH = Patient(**KNOWN, high_risk=True, several=False)
LOW_SEVERAL, HIGH_SEVERAL = (Patient(**KNOWN, high_risk=risk, several=True) for risk in (False, True))


@pytest.mark.parametrize(
    ("patient", "kind", "mean", "solid", "words"),
    [
        (LOW, SOLID, 5.4, None, "no routine follow-up"),
        (HIGH, SOLID, 5.4, None, "optional CT at 12 months"),
        (LOW, SOLID, 5.5, None, "CT at 6 to 12 months, then consider 18 to 24 months"),
        (HIGH, SOLID, 8.4, None, "CT at 6 to 12 months, then at 18 to 24 months"),
        (LOW, SOLID, 8.5, None, "consider CT at 3 months, PET-CT or biopsy"),
        (LOW_SEVERAL, SOLID, 5.0, None, "no routine follow-up"),
        (HIGH_SEVERAL, SOLID, 5.0, None, "optional CT at 12 months"),
        (LOW_SEVERAL, SOLID, 9.0, None, "CT at 3 to 6 months, then consider 18 to 24 months"),
        (HIGH_SEVERAL, SOLID, 7.0, None, "CT at 3 to 6 months, then at 18 to 24 months"),
        (LOW, GLASS, 5.0, None, "no routine follow-up"),
        (LOW, GLASS, 6.0, None, "CT at 6 to 12 months, then every 2 years until 5 years"),
        (LOW, PART, 5.0, 3.0, "no routine follow-up"),
        (LOW, PART, 9.0, 5.0, "CT at 3 to 6 months, then every year for 5 years"),
        (LOW, PART, 9.0, 6.0, "a solid part of 6 mm or more"),
        (LOW_SEVERAL, GLASS, 5.0, None, "consider CT at 2 and 4 years"),
        (LOW_SEVERAL, PART, 9.0, None, "by the most suspicious nodule"),
    ],
)
def test_fleischner(patient, kind, mean, solid, words):
    found = fleischner(Nodule(kind, mean, solid_diameter_mm=solid), patient)
    assert len(found.categories) == 1 and words in found.categories[0]
    assert "Not confirmed" in found.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"age": 34}, "under 35"),
        ({"screening": Screening.ANNUAL}, "not for screening"),
        ({"known_cancer": True}, "known cancer"),
        ({"immunosuppressed": True}, "immunosuppressed"),
        ({"age": None}, "needs age"),
        ({"high_risk": None}, "needs risk"),
        ({"several": None}, "needs one nodule or several"),
    ],
)
def test_where_fleischner_does_not_apply(change, words):
    patient = Patient(**(KNOWN | {"high_risk": False, "several": False} | change))
    found = fleischner(Nodule(SOLID, 7.0), patient)
    assert found.categories == () and words in found.text


def test_fleischner_names_both_within_the_error():
    found = fleischner(Nodule(SOLID, 5.2, 0.6), LOW)
    assert found.categories == (rules.NONE, "CT at 6 to 12 months, then consider 18 to 24 months")


# ---- BTS 2015


FREE = Patient(known_cancer=False)


def grown(percent, error=0.0, days=None, low=None, high=None):
    return Growth(
        volume_percent=percent, volume_error_percent=error, days=300, doubling_days=days, doubling_low=low,
        doubling_high=high,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("mean", "volume", "growth", "categories"),
    [
        (4.9, 60, None, ("DISCHARGE",)),
        (5.2, 79, None, ("DISCHARGE",)),
        (6.0, 110, None, ("MONTHS",)),
        (8.5, 310, None, ("RISK",)),
        (9.0, 380, grown(10), ("STABLE",)),
        (9.0, 380, grown(60, days=350, low=300, high=390), ("FAST",)),
        (9.0, 380, grown(40, days=500, low=450, high=550), ("MIDDLE",)),
        (9.0, 380, grown(30, days=700, low=650, high=800), ("SLOW",)),
        (9.0, 380, grown(50, days=450, low=350, high=700), ("SLOW", "MIDDLE", "FAST")),
        (9.0, 380, grown(60), ("UNKNOWN",)),
        (9.0, 380, grown(20, error=28), ("STABLE", "UNKNOWN")),
    ],
)
def test_bts(mean, volume, growth, categories):
    found = bts(Nodule(SOLID, mean, volume_mm3=volume, growth=growth), FREE)
    assert found.categories == tuple(getattr(bts_rules, name) for name in categories)
    assert found.confirmed == (not {"SLOW", "MIDDLE"} & set(categories))


def test_bts_names_both_within_the_error_of_a_volume():
    found = bts(Nodule(SOLID, 5.5, volume_mm3=85, volume_error_mm3=20), FREE)
    assert found.categories == (bts_rules.DISCHARGE, bts_rules.MONTHS)


@pytest.mark.parametrize(
    ("nodule", "patient", "words"),
    [
        (Nodule(SOLID, 6.0), FREE, "needs volume"),
        (Nodule(SOLID, 6.0, volume_mm3=100), Patient(), "needs known cancer"),
        (Nodule(GLASS, 6.0, volume_mm3=100), FREE, "risk model"),
        (Nodule(SOLID, 6.0, volume_mm3=100), Patient(known_cancer=True), "known cancer"),
    ],
)
def test_where_bts_does_not_apply(nodule, patient, words):
    found = bts(nodule, patient)
    assert found.categories == () and words in found.text
