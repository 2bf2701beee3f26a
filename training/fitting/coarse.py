"""The network of the coarser scales: what the product asks about masses (`LungTumorSegLib.coarser`, `masses`).

One network for both cannot do both as well. Gone on with masses, the bundled U-Net outlines `val` masses from 90 mm on
with a Dice of 0.88 instead of 0.48, but without a click it finds 0.77 instead of 0.84 of the inserted `val` nodules at
two false positives a scan.
"""

from pathlib import Path

from LungTumorSegLib.model.bundle import COARSE, load_bundle
from msgspec.structs import replace

from ..config import Coarse, Config
from . import unet


def own(config: Config) -> Config:
    """The configuration of this network's fit, from scratch, in a folder of the run."""
    run = str(Path(config.fit.run) / "coarse")
    fit = replace(config.fit, run=run, start="", stages=config.coarse.stages)
    return replace(config, network=config.coarse_network, fit=fit, coarse=Coarse(stages=()))


def fit(config: Config) -> Path | None:
    """Fit it, where the configuration has stages for it; a second call resumes.

    Returns:
        Its weights, as `fitted`.

    Raises:
        As `unet.fit_stage`.
    """
    return unet.fit(own(config)) if config.coarse.stages else fitted(config)


def fitted(config: Config) -> Path | None:
    """Its weights; without stages for it those of the bundle that the fit goes on from (`start.weights` checks them).

    Returns:
        The file; None while `fit` has not ended, or where there are none.
    """
    if not config.coarse.stages:
        before = load_bundle(config.fit.start) if config.fit.start else None
        return before.folder / COARSE.keras if before and before.card.coarse else None
    last = Path(own(config).fit.run) / f"stage{len(config.coarse.stages)}"
    return last / "best.weights.h5" if (last / "done.json").exists() else None
