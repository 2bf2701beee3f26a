"""Slice views for the tests that click in them."""

import pytest


@pytest.fixture
def views(standin_app, application_logic):
    """Two slice views with real interactors."""
    from Testing.slicer_standin.slice_views import LayoutManager, close

    layout_manager = LayoutManager(application_logic)
    standin_app.setLayoutManager(layout_manager)
    yield [layout_manager.sliceWidget(name) for name in layout_manager.sliceViewNames()]
    close(layout_manager)
    standin_app.setLayoutManager(None)
