"""Fixtures that several test files share."""

import os
import sys

import pytest

pytest.register_assert_rewrite("Testing.support")

# A C++ library of the panel's tests drops references to None that it does not own. From Python 3.12 on None cannot die;
# on 3.11 a worker ended once with "deallocating None". Two million references in reserve keep it alive.
_RESERVE = [None] * 2_000_000 if sys.version_info < (3, 12) else []


def pytest_terminal_summary(terminalreporter):
    """How much of the matrix of formats was read, if it was run."""
    runs = [r for r in terminalreporter.stats.get("passed", []) if "each_voxel_lies_where_it_was" in r.nodeid]
    if runs:
        from Testing.support.reading_matrix import COMBINATIONS

        terminalreporter.write_line(f"{len(runs)} of {len(COMBINATIONS)} combinations of the reading matrix are right")


@pytest.fixture(scope="session")
def _application():
    from Testing.support import headless

    return headless.start()


@pytest.fixture
def scene(_application):
    """An empty real MRML scene, also as ``slicer.mrmlScene``."""
    from Testing.support import headless

    headless.clear(*_application)
    yield _application[0]
    headless.clear(*_application)


@pytest.fixture
def application_logic(scene, _application):
    """The application logic of `scene`."""
    return _application[1]


@pytest.fixture
def standin_app(scene, application_logic):
    """`slicer.app` and the rest of the Qt layer's stand-in, on the real scene."""
    from Testing import slicer_standin

    return slicer_standin.install(scene, application_logic)


@pytest.fixture(scope="module")
def untraced():
    """Steps of a fit and predictions run as they are, not as a graph, which takes seconds to be made for each network.

    What is tested is the same; graphs are made where a test does not ask for this.
    """
    import tensorflow

    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def unrated_model(tmp_path_factory):
    """The bundled model with a card that no training changes: threshold 0.5, and no confidence."""
    from Testing.support.panel_case import model_with

    rating = {"confidence_coefficients": None, "min_confidence": 0.0}
    return model_with(tmp_path_factory.mktemp("model") / "unrated", threshold=0.5, run_threshold=0.5, **rating)


@pytest.fixture
def case(standin_app, unrated_model, monkeypatch):
    """The panel in a window of its own, with a known network and a model that does not rate its lesions."""
    from LungTumorSegLib.model import bundle

    from Testing.support.panel_case import PanelCase
    from Testing.support.paths import RESOURCES

    monkeypatch.setattr(bundle, "default_path", lambda: unrated_model)
    made = PanelCase(RESOURCES)
    yield made
    made.close()


@pytest.fixture
def found(case):
    """A `case` with the phantom segmented."""
    case.add_chest()
    case.run()
    return case


@pytest.fixture(params=[0, 1], ids=["lung1", "lung2"])
def demo_case(request):
    """Each of the two real CTs of ``make demo``; fetched once into the user's cache."""
    from Testing.tools.demo import cases

    try:
        return cases.obtain()[request.param]
    except cases.DemoDataError as error:
        if "CI" in os.environ:
            raise
        pytest.skip(str(error))
