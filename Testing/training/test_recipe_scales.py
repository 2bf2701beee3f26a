"""Pictures of several scales in one array are not learnt from."""

import numpy as np
import pytest

from Testing.training.test_recipe import _hu, _save
from training.errors import DataError
from training.studies import tutorial_recipe


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize(
    ("usual", "other"),
    [(_hu, lambda g: _hu(g) + 1024), (_hu, lambda g: g / 255), (_hu, lambda g: g), (lambda g: g, lambda g: g / 255)],
    ids=["stored values among HU", "0 to 1 among HU", "0 to 255 among HU", "0 to 1 among 0 to 255"],
)
def test_single_pictures_of_another_scale_are_refused(tmp_path, usual, other, n):
    _save(tmp_path, lambda g: np.concatenate([usual(g[n:]), other(g[:n])]).astype(np.float32))
    with pytest.raises(DataError, match=f"{n} of the 9 train pictures are of another scale"):
        tutorial_recipe.load(tmp_path)
