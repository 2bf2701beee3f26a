"""What a user would take instead, on the same CT: ``python peers.py {lungmask|nnunet} CT.npy X Y Z`` (spacing, mm).

Runs in an environment of its own (peers_requirements.txt) and imports nothing of ours. Random weights: the time does
not depend on them. Prints one JSON object.
"""

import contextlib
import json
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch

# nnU-Net's plans of TotalSegmentator's 1.5 mm models: patch, overlap, and widths of the 3D full-resolution U-Net
NNUNET_SPACING_MM, NNUNET_PATCH, NNUNET_OVERLAP = 1.5, 128, 0.5
NNUNET_FEATURES, NNUNET_CLASSES = (32, 64, 128, 256, 320, 320), 2


def lungmask(image: sitk.Image) -> dict:
    """lungmask's R231: its own pipeline, its own U-Net class (its weights are a download, so random ones)."""
    from lungmask import mask
    from lungmask.resunet import UNet

    network = UNet(n_classes=3, padding=True, depth=5, up_mode="upsample", batch_norm=True, residual=False)
    # finds nothing, so that its clean-up of components costs as little as it can
    torch.nn.init.zeros_(network.last.weight)
    network.last.bias.data = torch.tensor([1.0, 0.0, 0.0])
    mask.get_model = lambda *_, **__: network.eval()
    inferer = mask.LMInferer(modelname="R231", force_cpu=True, tqdm_disable=True)
    began = time.perf_counter()
    inferer.apply(image)
    return {"seconds": time.perf_counter() - began, "what": "lungmask R231, whole pipeline, random weights"}


def nnunet(image: sitk.Image) -> dict:
    """nnU-Net's 3D full-resolution network of TotalSegmentator's size: resample, sliding window, resample back."""
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    stages = len(NNUNET_FEATURES)
    network = PlainConvUNet(
        1, stages, NNUNET_FEATURES, torch.nn.Conv3d, 3, (1, *[2] * (stages - 1)), 2, NNUNET_CLASSES, 2,
        conv_bias=True, norm_op=torch.nn.InstanceNorm3d, norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=torch.nn.LeakyReLU, nonlin_kwargs={"inplace": True}, deep_supervision=False,
    ).eval()  # fmt: skip
    began = time.perf_counter()
    size = [round(n * s / NNUNET_SPACING_MM) for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    small = sitk.Resample(image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), [NNUNET_SPACING_MM] * 3)
    voxels = torch.from_numpy(sitk.GetArrayFromImage(small).astype(np.float32))
    voxels = (voxels - voxels.mean()) / voxels.std()
    short = [max(0, NNUNET_PATCH - n) for n in voxels.shape]
    padded = torch.nn.functional.pad(voxels, [p for n in reversed(short) for p in (0, n)])
    total = torch.zeros((NNUNET_CLASSES, *padded.shape))
    weight = torch.zeros(padded.shape)
    importance = gaussian()
    windows = [
        (z, y, x) for z in starts(padded.shape[0]) for y in starts(padded.shape[1]) for x in starts(padded.shape[2])
    ]
    with torch.inference_mode():
        for z, y, x in windows:
            box = (slice(z, z + NNUNET_PATCH), slice(y, y + NNUNET_PATCH), slice(x, x + NNUNET_PATCH))
            total[(slice(None), *box)] += network(padded[box][None, None])[0] * importance
            weight[box] += importance
    labels = (total / weight).argmax(0).to(torch.uint8)[tuple(slice(0, n) for n in voxels.shape)].numpy()
    back = sitk.GetImageFromArray(labels)
    back.CopyInformation(small)
    sitk.Resample(back, image, sitk.Transform(), sitk.sitkNearestNeighbor)
    return {
        "seconds": time.perf_counter() - began,
        "windows": len(windows),
        "parameters": sum(p.numel() for p in network.parameters()),
        "what": "nnU-Net 3D full resolution at 1.5 mm, TotalSegmentator's size, no mirroring, random weights",
    }


def starts(length: int) -> list[int]:
    """nnU-Net's window places: evenly spread, at most half a window apart."""
    steps = int(np.ceil((length - NNUNET_PATCH) / (NNUNET_PATCH * NNUNET_OVERLAP))) + 1
    return [round(float(v)) for v in np.linspace(0, length - NNUNET_PATCH, steps)]


def gaussian() -> torch.Tensor:
    """A window's weights, sigma an eighth of its side, as in nnU-Net."""
    line = np.exp(-0.5 * ((np.arange(NNUNET_PATCH) - (NNUNET_PATCH - 1) / 2) / (NNUNET_PATCH / 8)) ** 2)
    cube = line[:, None, None] * line[:, None] * line
    return torch.from_numpy(np.maximum(cube / cube.max(), 1e-4).astype(np.float32))


def main(name: str, path: str, *spacing: str) -> None:
    image = sitk.GetImageFromArray(np.load(path))
    image.SetSpacing([float(s) for s in spacing])
    cpu_began = time.process_time()
    answer = {"lungmask": lungmask, "nnunet": nnunet}[name](image)
    answer["cpu_seconds"] = time.process_time() - cpu_began
    with contextlib.suppress(OSError):  # Linux; not getrusage, which starts with the parent's peak
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        answer["peak_memory_mb"] = int(status["VmHWM"].split()[0]) * 1024 / 1e6
    sys.stdout.flush()
    print(json.dumps({**answer, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
