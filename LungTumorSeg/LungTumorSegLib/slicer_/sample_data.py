"""Two real chest CTs in Slicer's Sample Data module, for the tutorial. Downloaded only when the user asks there."""

import slicer
from slicer.i18n import tr as _

# As released by pyradiomics; a file with another checksum is refused by Slicer
URL = "https://github.com/Radiomics/pyradiomics/releases/download/v1.0/"
SHA256 = {
    "lung1_image.nrrd": "379fa48bf34cfa961e6f5ec19c0c38757a30b9aa884212ef28dc29b5061c64ed",
    "lung2_image.nrrd": "aa2b94eec79127ed786798ac8dc3c013010e1692d5787bebfae1a1e9685a4651",
}
NODE_NAMES = {"lung1_image.nrrd": "ChestCT1", "lung2_image.nrrd": "ChestCT2"}


def register(sample_data, icon: str):
    """Offer the CTs.

    Args:
        sample_data: Slicer's module SampleData.
        icon: The picture shown for them.
    """
    for file_name, checksum in SHA256.items():
        sample_data.SampleDataLogic.registerCustomSampleDataSource(
            category=_("Lung Tumor Segmentation"),
            sampleName=NODE_NAMES[file_name],
            uris=URL + file_name,
            fileNames=file_name,
            nodeNames=NODE_NAMES[file_name],
            checksums=f"SHA256:{checksum}",
            thumbnailFileName=icon,
            loadFileTypes="VolumeFile",
        )


def register_at_startup(icon: str):
    """When Slicer has started: by then its own modules are there."""

    def when_started():
        import SampleData

        register(SampleData, icon)

    slicer.app.connect("startupCompleted()", when_started)
