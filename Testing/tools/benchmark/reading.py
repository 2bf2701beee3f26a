"""What it costs to read a CT of many frames in one DICOM file. Called by `benchmark.ours`, in a process of its own."""

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pydicom
from LungTumorSegLib import memory
from LungTumorSegLib.data import CT
from LungTumorSegLib.geometry import Geometry
from LungTumorSegLib.readers.ct import read_ct
from pydicom.encaps import encapsulate

from Testing.support import compressed, phantoms
from Testing.tools.benchmark.chest_ct import Stored


def measure(ct: Stored, frames: int, packing: str) -> dict:
    """Seconds, and peak memory beyond what the process had before over the size of the pixels (16 bits each)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ct.dcm"
        if not os.fork():  # what writing it costs must not count
            _write(ct, frames, packing, path)
            os._exit(0)
        if os.wait()[1]:
            raise RuntimeError("The frames could not be written.")
        before = memory.peak_mb()
        began, cpu_began = time.perf_counter(), time.process_time()
        shape = read_ct(path).voxels_zyx.shape
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
        pixels_mb = 2 * float(np.prod(shape)) / 1e6
        peak_mb = memory.peak_mb()
    return {
        "frames": shape[0],
        "packing": packing,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "pixels_mb": pixels_mb,
        "peak_memory_mb": peak_mb,
        "memory_over_pixels": (peak_mb - before) / pixels_mb,
    }


def _write(ct: Stored, frames: int, packing: str, path: Path) -> None:
    """The CT's slices as so many frames; where there are fewer slices each is there several times in a row."""
    voxels = np.load(ct.path, mmap_mode="r")
    spacing = (*ct.spacing_xyz[:2], 1.0)
    flat = CT(np.zeros((frames, 1, 1), np.int16), Geometry((frames, 1, 1), spacing, (0.0, 0.0, 0.0)))
    phantoms.write_enhanced_dicom(flat, path, order=range(frames), rescale=(1, 0))
    dataset = pydicom.dcmread(path)
    dataset.Rows, dataset.Columns = voxels.shape[1:]
    planes = (voxels[k * len(voxels) // frames] for k in range(frames))
    if packing == "none":
        dataset.PixelData = b"".join(plane.tobytes() for plane in planes)
    else:
        dataset.file_meta.TransferSyntaxUID, encode = compressed.LOSSLESS[packing]
        dataset.PixelData = encapsulate([encode(plane, 16) for plane in planes])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    dataset.save_as(path)
