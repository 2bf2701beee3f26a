"""The typed configuration of a training, read from TOML; every default is the bundled model's."""

import json
from pathlib import Path
from typing import Annotated

import msgspec
from LungTumorSegLib.model.card import Architecture, ClassifierArchitecture, NetworkCard
from msgspec import Meta, Struct
from msgspec.structs import fields, replace

from .errors import SettingsError

Count = Annotated[int, Meta(gt=0)]
Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]
FOLDS = ("fold-a", "fold-b")  # roles of the pack's whole CTs that are trained on
# but for these, which came after the bundled model's fit: it is asked about them
KEPT_ASIDE = ("LIDC-IDRI-0028", "LIDC-IDRI-0295", "LungCT-Diagnosis-R_168", "QIN-LSC-0003", "QIN-LSC-0009")


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """What the card says about a model. Who trains on CTs of their own gives their own."""

    name: str = "lung-tumor-unet"
    version: str = "0.7.0"
    data: str = "the training pack"  # what it was trained on, in words
    licence: str = "CC BY 3.0 and 4.0, by collection; see attribution"


class Data(Struct, frozen=True, forbid_unknown_fields=True):
    pack: str = "../shared/data"  # the training pack as delivered (zips), see its README; "": the CTs of `add` alone
    split: str = "training/splits/split.csv"  # role of each patient; never changed
    prepared: str = "runs/data"  # where `prepare` writes memory-mapped arrays
    demo: str = "~/.cache/LungTumorSeg/demo"  # the two CTs of `make demo`; evaluated where they are, never trained on
    kept_aside: tuple[str, ...] = KEPT_ASIDE  # whole CTs that nothing is fitted or calibrated on


class Network(Struct, frozen=True, forbid_unknown_fields=True):
    filters: tuple[int, ...] = (16, 32, 64, 128, 256)  # channels of each level
    spacing_mm: float = 1.0  # in plane
    window_hu: tuple[float, float] = (-1024.0, 600.0)  # scaled to [0, 1]
    offsets_mm: tuple[float, ...] = (-5.0, -2.0, 0.0, 2.0, 5.0)  # centre slice and its neighbours
    prompt_sigma_mm: float = 4.0

    @property
    def card(self) -> NetworkCard:
        """The part of a model card that `slices` and `unet` read."""
        return NetworkCard(
            architecture=Architecture(filters=self.filters, slices=len(self.offsets_mm)),
            spacing_mm=self.spacing_mm,
            window_hu=self.window_hu,
            offsets_mm=self.offsets_mm,
            prompt_sigma_mm=self.prompt_sigma_mm,
        )


class Stage(Struct, frozen=True, forbid_unknown_fields=True):
    """One stage of the fit. A share of each batch are whole-CT crops, another masses, the others patch crops.

    All batches of a stage have one shape: Keras on TensorFlow cannot up-sample pictures of an unknown size.
    """

    steps: Count
    learning_rate: Positive  # peak; after a linear warm-up it falls as a cosine to 1 % of it
    warmup_steps: Annotated[int, Meta(ge=0)] = 200
    crop: Count = 64  # pixels; the patches are 50 mm
    batch: Count = 32
    mirrored_share: Share = 0.5  # of the patch crops: mirrored beyond the patch's edges, which tell where its nodule is
    background_share: Share = 0.25  # of the patch crops; the others hold a nodule, half of them clicked
    mined: bool = False  # most of the background around the false positives of the weights before, see `mine`
    turned_share: Share = 0.5  # of background and of whole-CT crops: coronal or sagittal, as the run's other two views
    ct_share: Share = 0.0  # of each batch
    ct_roles: tuple[str, ...] = FOLDS
    mass_share: Share = 0.0  # of each batch: masses at half and a third of the resolution
    inserted_nodules: bool = True
    hard_labels: bool = False  # the consensus alone instead of the share of readers: for the ablations
    prompt: bool = True  # False: no example carries a click, for the ablations

    @property
    def from_cts(self) -> int:
        """Whole-CT crops of a batch."""
        return round(self.batch * self.ct_share)

    @property
    def from_masses(self) -> int:
        """Masses of a batch."""
        return round(self.batch * self.mass_share)

    @property
    def whole_cts(self) -> bool:
        """Whether the stage sees any."""
        return bool(self.ct_share or self.mass_share)


class Fit(Struct, frozen=True, forbid_unknown_fields=True):
    run: str = "runs/bundled"  # checkpoints, log, plots
    start: str = ""  # a bundle whose weights the first stage goes on from; "": from scratch
    seed: int = 1
    precision: str = "mixed_bfloat16"  # float32 where the processor has no bfloat16
    weight_decay: Annotated[float, Meta(ge=0)] = 0.01
    ema_momentum: Share = 0.995  # moving average of the weights
    epoch_steps: Count = 200  # validation and checkpoint after so many steps
    patience_epochs: Count = 15  # stop when the validation Dice has not risen for so long
    workers: Count = 1  # processes that make examples
    stages: tuple[Stage, ...] = (
        Stage(steps=4400, learning_rate=1.5e-3, mirrored_share=0.0, turned_share=0.0),
        Stage(steps=2000, learning_rate=1e-3, warmup_steps=100, mirrored_share=0.0, turned_share=0.0),
        Stage(steps=2400, learning_rate=1e-3, warmup_steps=100, crop=96, batch=24, turned_share=0.0),
        Stage(2400, 1e-3, warmup_steps=100, crop=96, batch=24, background_share=0.3333),
        Stage(2000, 8e-4, warmup_steps=100, crop=96, batch=24, background_share=0.3333, mined=True),
        Stage(4200, 6e-4, warmup_steps=100, crop=96, batch=24, background_share=0.3333, mined=True, ct_share=0.3333),
    )


class Classifier(Struct, frozen=True, forbid_unknown_fields=True):
    """The second network, see `classify`."""

    filters: tuple[int, ...] = (24, 48, 96)  # channels of each level
    patch_steps: Count = 3000
    ct_steps: Count = 1200  # after those on patches, half of each batch from whole CTs
    learning_rate: Positive = 2e-3  # peak; half of it with whole CTs
    batch: Count = 64  # cubes

    @property
    def card(self) -> ClassifierArchitecture:
        """What a model card says about it."""
        return ClassifierArchitecture(filters=self.filters)


class Coarse(Struct, frozen=True, forbid_unknown_fields=True):
    """The network of the coarser scales, see `fitting.coarse`."""

    filters: tuple[int, ...] = (16, 32, 48, 64, 64)  # channels of each level
    stages: tuple[Stage, ...] = (  # (): there is none
        Stage(2000, 1.5e-3, 100, 96, 16, mass_share=0.6667),
        Stage(2000, 1e-3, 100, 96, 16, mass_share=0.75),
    )


START = "start.json"  # in the run's folder: what it was begun from
# Without the pack: fewer steps, as its patches are fewer. Going on from a bundle needs the last of them only.
OWN_STAGES = (
    Stage(3000, 1.5e-3),
    Stage(2000, 1e-3, warmup_steps=100, crop=96, batch=24, background_share=0.3333, mined=True),
    Stage(2000, 6e-4, warmup_steps=100, crop=96, batch=24, background_share=0.3333, mined=True, ct_share=0.3333),
)


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    model: Model = Model()
    data: Data = Data()
    network: Network = Network()
    fit: Fit = Fit()
    classifier: Classifier = Classifier()
    coarse: Coarse = Coarse()

    @property
    def coarse_network(self) -> Network:
        """The network of the coarser scales sees what the other one does."""
        return replace(self.network, filters=self.coarse.filters)

    @property
    def every_stage(self) -> tuple[Stage, ...]:
        """Of both U-Nets."""
        return self.fit.stages + self.coarse.stages


def check_named(model: Model) -> None:
    """Check that name, version, data and licence are all the user's own.

    Raises:
        SettingsError: One of them is empty or still the bundled model's.
    """
    left = [part.name for part in fields(Model) if getattr(model, part.name) in ("", part.default)]
    if left:
        raise SettingsError(
            f"Your model needs {', '.join(left)} of its own under [model]: what it is called, which version it is, "
            "what it was trained on and who may use it. They go into its card."
        )


def _begun(made: Config) -> str:
    """The bundle that the run was begun from: later steps need not be told again."""
    record = Path(made.fit.run) / START
    return json.loads(record.read_text())["folder"] if record.exists() else ""


def _without_pack(made: Config, stages: bool, coarse: bool) -> Config:
    """The CTs of `add` alone: roles are train, val and test, and there are no folds and no masses.

    stages, coarse: they are in the file.
    """
    check_named(made.model)
    fit = made.fit
    if not stages:
        fit = replace(fit, stages=OWN_STAGES[-1:] if fit.start else OWN_STAGES)
    own = tuple(replace(s, ct_roles=("train",)) if s.ct_roles == FOLDS else s for s in fit.stages)
    masses = made.coarse if coarse else replace(made.coarse, stages=())
    # an added CT may bear the name of one of the pack's
    aside = () if made.data.kept_aside == KEPT_ASIDE else made.data.kept_aside
    data = replace(made.data, kept_aside=aside)
    return replace(made, data=data, fit=replace(fit, stages=own), coarse=masses)


def load(path: Path, start: str = "") -> Config:
    """Read a configuration.

    Args:
        path: Of a TOML file.
        start: The bundle to go on from, whatever the file says.

    Returns:
        The configuration. A run that was begun from a bundle goes on from that. Without the pack, stages that the file
            does not give are those for own CTs.

    Raises:
        SettingsError: The file cannot be read, or has an unknown setting or one that cannot be; without the pack also
            where the model still has a name, version, data or licence of the bundled one.
    """
    try:
        values = msgspec.toml.decode(Path(path).read_text(encoding="utf-8"))
        made = msgspec.convert(values, Config)
    except OSError as problem:
        raise SettingsError(
            f"The configuration {path} cannot be read ({problem.strerror}). Give it with --config."
        ) from None
    except msgspec.ValidationError as problem:
        raise SettingsError(
            f"The configuration {path}: {problem}. training/config.py lists every setting and its type."
        ) from None
    except ValueError as problem:
        raise SettingsError(f"The configuration {path} is no TOML ({problem}).") from None
    made = replace(made, fit=replace(made.fit, start=start or made.fit.start or _begun(made)))
    if not made.data.pack:
        made = _without_pack(made, "stages" in values.get("fit", {}), "stages" in values.get("coarse", {}))
    _check(made)
    return made


def _check(made: Config) -> None:
    if made.network.spacing_mm != 1:
        raise SettingsError(
            "spacing_mm: the patches have 1 mm, and so have all examples; no other spacing can be fitted."
        )
    named = [(f"Stage {number}", stage) for number, stage in enumerate(made.fit.stages, 1)]
    named += [(f"Stage {number} of [coarse]", stage) for number, stage in enumerate(made.coarse.stages, 1)]
    for name, stage in named:
        if stage.steps % made.fit.epoch_steps:
            raise SettingsError(f"{name} has {stage.steps} steps, no multiple of epoch_steps, {made.fit.epoch_steps}.")
        if stage.from_cts + stage.from_masses >= stage.batch:
            raise SettingsError(
                f"{name} leaves no patch in a batch of {stage.batch}: ct_share takes {stage.from_cts} and mass_share "
                f"{stage.from_masses}. Lower one of them."
            )
        if stage.mass_share and not made.data.pack:
            raise SettingsError(
                f"{name} has masses (mass_share), which are set onto the CTs of the training pack. There is "
                "no pack: leave mass_share out, in [coarse] the whole stage."
            )
        if stage.mass_share and not stage.prompt:
            raise SettingsError(f"{name} has masses (mass_share), which are clicked, and no prompt. Drop one.")
    if made.coarse.stages and not any(stage.from_masses for stage in made.coarse.stages):
        raise SettingsError(
            "No stage of [coarse] has masses (mass_share), which its network is there for. Give one a mass_share, or "
            "have no network for masses: stages = [] in [coarse]."
        )
