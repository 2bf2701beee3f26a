"""The module file as Slicer loads it, on the Qt stand-in."""

from Testing import slicer_standin
from Testing.support.paths import MODULE


def test_the_module_says_who_made_it_and_what_for(standin_app):
    loaded = slicer_standin.LoadedModule(MODULE / "LungTumorSeg.py")
    try:
        parent = loaded.module.parent
        assert parent.title == "Lung Tumor Segmentation"
        assert parent.categories == ["Segmentation"]
        assert parent.contributors == ["LungTumorSeg developers"]
        assert "not a medical device" in parent.helpText
        assert "licences" in parent.acknowledgementText
    finally:
        loaded.close()
