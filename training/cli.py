"""`python -m training STEP --config FILE`."""

from pathlib import Path
from typing import Annotated

import typer
from LungTumorSegLib.enums import Precision

from . import config as configuration

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="Rebuild the bundled model from data.")
ConfigFile = typer.Option("training/configs/bundled.toml", "--config", help="The TOML file with all settings.")
Start = typer.Option("", "--from", help="A model bundle whose weights the fit goes on from; from scratch by default.")
Weights = typer.Option(None, "--weights", help="Keras weights; the last stage's by default.")
LABEL = "The value in the masks that is tumour; may be given more than once. Needed where there are several."
ModelBundle = typer.Option(None, "--bundle", help="The folder of a model bundle; the bundled one by default.")


def _last(settings: configuration.Config) -> Path:
    return Path(settings.fit.run) / f"stage{len(settings.fit.stages)}" / "best.weights.h5"


@app.command()
def prepare(config: Path = ConfigFile):
    """Unpack the data, work out targets and loss weights; make masses for the stages that have them."""
    from .data import prepare
    from .examples import prepared_masses

    settings = configuration.load(config)
    prepare.prepare_patches(settings)
    prepare.prepare_volumes(settings)
    prepared_masses.prepare(settings)


@app.command()
def fit(
    config: Path = ConfigFile,
    until: Annotated[int | None, typer.Option(min=1, help="The last stage to fit; all of them by default.")] = None,
    start: str = Start,
):
    """Fit the network, stage after stage; a second call resumes."""
    from .data import ready
    from .fitting import unet

    settings = configuration.load(config, start)
    ready.check(settings)
    typer.echo(unet.fit(settings, until))


@app.command()
def mine(config: Path = ConfigFile, bundle: Path = ModelBundle):
    """Find the network's false positives in patches and whole CTs: hard negatives for the next stage."""
    from .examples import hard_negatives

    loaded = configuration.load(config)
    for find in (hard_negatives.mine_patches, hard_negatives.mine_cts):
        typer.echo(find(loaded, bundle))


@app.command()
def evaluate(
    config: Path = ConfigFile,
    bundle: Path = ModelBundle,
    role: Annotated[str, typer.Option(help="Patients to evaluate on: test, or val while choosing.")] = "test",
    whole_cts: Annotated[bool, typer.Option(help="Also the automatic run over the whole CTs.")] = True,
    precision: Annotated[Precision, typer.Option(help="In which the networks compute.")] = Precision.AUTO,
):
    """Measure a bundle against the readers; writes figures, tables, plots and a page. A second call resumes."""
    from .evaluate import evaluation

    typer.echo(evaluation.evaluate(configuration.load(config), bundle, role, whole_cts, precision))


@app.command()
def explain(
    folder: Annotated[Path, typer.Argument(help="Where pictures and figures go. They show patients: not for git.")],
    config: Path = ConfigFile,
    bundle: Path = ModelBundle,
    role: Annotated[str, typer.Option(help="Patients whose nodules are clicked.")] = "test",
    count: Annotated[int, typer.Option(min=1, help="Pictures each of the best, median and worst.")] = 2,
):
    """Show where the network looks and where it is unsure; measure whether its uncertainty tells its errors."""
    from .studies import explain

    typer.echo(explain.run(configuration.load(config), folder, bundle, role, count).read_text())


@app.command()
def measures(
    config: Path = ConfigFile,
    role: Annotated[
        str, typer.Option(help="Patients whose nodules are measured: test, or val while choosing.")
    ] = "test",
):
    """Measure the readers' outlines: type against their ratings, size against the pack's own figures."""
    from .studies import measures

    typer.echo(measures.report(configuration.load(config), role))


@app.command()
def masses(
    config: Path = ConfigFile,
    bundle: Path = ModelBundle,
    role: Annotated[str, typer.Option(help="Nodules that are enlarged: test, or val while choosing.")] = "test",
):
    """Enlarge nodules to masses of 60 to 150 mm, click into each, run without a click; print Dice by size."""
    from .studies import masses

    typer.echo(masses.run(configuration.load(config), bundle, role))


@app.command()
def ablations(
    config: Path = ConfigFile,
    steps: Annotated[int, typer.Option(min=2, help="Of each fit.")] = 400,
):
    """Fit in pairs that differ in one thing, and compare them on patients of val. A second call resumes."""
    from .studies import ablations

    typer.echo(ablations.run(configuration.load(config), steps).read_text())


@app.command()
def classify(config: Path = ConfigFile):
    """Fit the classifier of candidates; `folds` and `export` take it from there."""
    from .fitting import classifier

    typer.echo(classifier.fit(configuration.load(config)))


@app.command()
def coarse(config: Path = ConfigFile):
    """Fit the network of the coarser scales, on masses; `export` takes it from there."""
    from .data import ready
    from .fitting import coarse

    settings = configuration.load(config)
    ready.check(settings)
    typer.echo(coarse.fit(settings) or "The configuration has no stage for it. Add [[coarse.stages]].")


@app.command()
def calibrate(config: Path = ConfigFile, weights: Path = Weights):
    """Fit calibration and threshold on the val patches; `export` and `folds` take them from there."""
    from .fitting import operating_point

    settings = configuration.load(config)
    typer.echo(operating_point.calibrate(settings, weights or _last(settings)).read_text())


@app.command()
def folds(config: Path = ConfigFile):
    """Fine-tune without each fold's whole CTs, so that `evaluate` can ask about CTs that were never seen."""
    from .fitting import folds

    for made in folds.fine_tune(configuration.load(config)):
        typer.echo(made)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="The bundle to write; an older one there is replaced.")],
    config: Path = ConfigFile,
    weights: Path = Weights,
    facts: Annotated[Path | None, typer.Option(help="facts-*.json of an evaluation, for the card.")] = None,
):
    """Write a model bundle, and print how far each engine is from its stored output."""
    import json

    from .bundle import card, export
    from .fitting import classifier, coarse

    settings = configuration.load(config)
    known = card.facts(settings) | (json.loads(facts.read_text()) if facts else {})
    second, masses = classifier.fitted(settings), coarse.fitted(settings)
    made = export.export(settings, weights or _last(settings), folder, known, second, masses)
    typer.echo("\n".join(card.engines_agree(made)))


@app.command()
def quantise(
    folder: Annotated[Path, typer.Argument(help="The bundle that gets int8 weights, if they cost no accuracy.")],
    config: Path = ConfigFile,
):
    """Quantise the convolutions to int8 and measure what it costs on val; used only within the bars."""
    from .bundle import quantise

    for name, value in quantise.quantise(configuration.load(config), folder).items():
        typer.echo(f"{name}: {value}")


@app.command(name="all")
def everything(
    config: Path = ConfigFile,
    folder: Annotated[
        Path | None, typer.Option("--bundle", help="The bundle to write; `final` in the run's folder by default.")
    ] = None,
    start: str = Start,
):
    """All of it: prepare, fit, mine, classify, coarse, calibrate, folds, evaluate, export. A second call resumes."""
    from . import chain
    from .bundle import card

    settings = configuration.load(config, start)
    made = chain.everything(settings, folder or Path(settings.fit.run) / "final")
    typer.echo("\n".join(card.engines_agree(made)))


@app.command()
def add(
    folder: Annotated[
        Path, typer.Argument(help="images/ and masks/ side by side, an nnU-Net raw folder, or a Decathlon task.")
    ],
    config: Path = ConfigFile,
    label: Annotated[list[int] | None, typer.Option(help=LABEL)] = None,
):
    """Add another data set's CTs and masks to the prepared whole CTs."""
    from .data import user_datasets

    typer.echo(f"{user_datasets.prepare(configuration.load(config), folder, tuple(label or ()))} cases added")


@app.command()
def recipe(
    folder: Annotated[
        Path,
        typer.Argument(help="{train,valid}_{images,labels}.npy, or pictures in {train,valid}/{images,masks}/."),
    ],
    output: Annotated[Path, typer.Option(help="Where weights, log, figures and plots go.")] = Path("runs/recipe"),
    epochs: Annotated[int, typer.Option(help="At most; it stops when the validation loss no longer falls.")] = 10,
    batch: Annotated[int, typer.Option(help="Pictures a step.")] = 16,
    classic: Annotated[bool, typer.Option("--classic", help="64 to 1024 channels, as first published.")] = False,
    label: Annotated[list[int] | None, typer.Option(help=LABEL)] = None,
):
    """The tutorial recipe on arrays or pictures: U-Net, Adam, binary cross-entropy; then precision, recall and F1."""
    from .studies import tutorial_recipe

    filters = tutorial_recipe.CLASSIC if classic else tutorial_recipe.Settings.filters
    settings = tutorial_recipe.Settings(epochs=epochs, batch=batch, filters=filters)
    figures = tutorial_recipe.run(folder, output, settings, tuple(label or ()))
    for name, value in figures.items():
        typer.echo(f"{name}: {value:.4f}" if isinstance(value, float) else f"{name}: {value}")
    typer.echo("The accuracy means little: nearly all pixels are background.")
    typer.echo(
        f"Weights, log, figures and plots are in {output}: {', '.join(sorted(p.name for p in output.iterdir()))}"
    )
