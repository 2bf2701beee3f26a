"""MkDocs hook: the README's pictures are served as ``pictures/NAME.png``, so that each is stored once."""

from pathlib import Path

from mkdocs.structure.files import File

PICTURES = Path(__file__).parents[2] / "Resources" / "Screenshots"


def on_files(files, config):
    for picture in sorted(PICTURES.glob("*.png")):
        files.append(File.generated(config, f"pictures/{picture.name}", abs_src_path=str(picture)))
    return files
