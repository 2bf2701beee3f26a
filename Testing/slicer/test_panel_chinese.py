"""The panel where Slicer is set to Chinese: loaded as Slicer loads translations, complete, and no wider."""

import re

import pytest

from Testing import slicer_standin as standin
from Testing.slicer.test_panel_ui import NAMES, expand, shown_texts
from Testing.slicer_standin import qt
from Testing.support.panel_case import PanelCase
from Testing.support.paths import MODULE, RESOURCES


def translators():
    return [child for child in qt.QApplication.instance().children() if isinstance(child, qt.QTranslator)]


@pytest.fixture
def language(standin_app, monkeypatch):
    """Sets Slicer's language and loads the module's translations."""

    def choose(name):
        monkeypatch.setattr(standin_app, "applicationLocaleName", name)
        standin_app.loadTranslations(RESOURCES / "Translations")

    yield choose
    for translator in translators():
        qt.QCoreApplication.removeTranslator(translator)
        translator.deleteLater()
    qt.QCoreApplication.sendPostedEvents(None, qt.QEvent.DeferredDelete)


@pytest.mark.parametrize(("name", "count"), [("en_US", 0), ("zh_CN", 1), ("zh-CN", 1), ("zh", 0), ("fr_FR", 0)])
def test_only_a_slicer_set_to_chinese_loads_chinese(language, name, count):
    language(name)
    assert len(translators()) == count


def test_the_module_itself_loads_them(language, standin_app, monkeypatch):
    monkeypatch.setattr(standin_app, "applicationLocaleName", "zh_CN")
    loaded = standin.LoadedModule(MODULE / "LungTumorSeg.py")
    try:
        assert loaded.module.parent.title == "肺肿瘤分割"
        assert loaded.panel.findChildren("QPushButton", "segmentButton")[0].text == "分割"
    finally:
        loaded.close()


def test_all_that_the_panel_shows_is_chinese(language, unrated_model, monkeypatch):
    from LungTumorSegLib.model import bundle

    monkeypatch.setattr(bundle, "default_path", lambda: unrated_model)
    language("zh_CN")
    case = PanelCase(RESOURCES)
    try:
        data = {*NAMES, "HU", "ml", "mm", "...", case.add_chest().GetName()}
        case.run()
        data |= {case.logic.segmentation(f).GetName() for f in case.logic.results()}
        case.ui.placeButton.click()
        shown = [text for _, text in shown_texts(case.window) if text and re.search("[A-Za-z]{2}", text)]
        names = set(case.panel.findings.names.values())
        numbers = re.compile(r"[\d.]+ mm")  # in the sliders
        assert [
            x for x in shown if not re.search("[一-鿿：]", x) and x not in data | names and not numbers.match(x)
        ] == []
        expand(case)
        case.settle()
        assert case.window.minimumSizeHint.width() <= 310
    finally:
        case.close()
