"""Results in scenes that once ended in something else than findings or a sentence: found by fuzzing, and mended."""

import pytest

from Testing.support.paths import ROOT
from Testing.tools.fuzz.judge import files_in, judged

CASES = sorted((ROOT / "Testing" / "corpus" / "scene").iterdir())


@pytest.fixture
def kind(scene):
    from Testing.tools.fuzz import formats, scenes

    scenes._segmentation.cache_clear()  # the scene of each test is empty
    return formats.named("scene")


def test_a_result_in_order_is_read(kind, tmp_path):
    assert [judged(kind, files, tmp_path).kind for files in kind.seeds()] == ["read"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_result_that_failed_once_is_refused(case, kind, tmp_path):
    judged(kind, kind.seeds()[0], tmp_path)  # what is loaded at first use counts for no input
    outcome = judged(kind, files_in(case), tmp_path)
    assert outcome.kind == "refused", f"{outcome.kind}: {outcome.text}"
