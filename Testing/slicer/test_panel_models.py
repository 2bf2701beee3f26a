"""The models that the panel lists."""

import shutil

from Testing.support.panel_case import model_with


def _listed(case) -> list:
    from LungTumorSegLib.slicer_.panel.advanced import AdvancedSection

    section = case.panel.section(AdvancedSection)
    section.models.aboutToShow.emit()
    return section.models.actions()


def test_a_model_of_ones_own_is_listed_by_its_name_once_it_was_chosen(case, monkeypatch, tmp_path):
    import qt

    own = model_with(tmp_path / "own", name="st-anna-lung", version="1.2")
    assert [action.text for action in _listed(case)] == ["lung-tumor-unet 0.7.0 (bundled)"]
    monkeypatch.setattr(qt.QFileDialog, "getExistingDirectory", lambda *a: str(own))
    case.ui.browseModelButton.click()
    bundled, chosen = _listed(case)
    assert chosen.text == "st-anna-lung 1.2" and chosen.checked and not bundled.checked
    bundled.trigger()
    assert case.panel.parameters.modelFolder == ""
    bundled, chosen = _listed(case)
    assert bundled.checked and not chosen.checked
    chosen.trigger()
    assert case.panel.parameters.modelFolder == str(own)
    case.add_chest()
    case.run()
    assert case.network.starts[0].model == own
    shutil.rmtree(own)
    assert [action.text for action in _listed(case)] == ["lung-tumor-unet 0.7.0 (bundled)"]
