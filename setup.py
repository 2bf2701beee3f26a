"""Builds the wheel. The model lies beside the library, where Slicer packages it; in a wheel it lies inside."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

MODEL = Path("Resources/Models/default")


class BuildWithModel(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "LungTumorSegLib" / MODEL
            shutil.copytree("LungTumorSeg" / MODEL, target, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithModel})
