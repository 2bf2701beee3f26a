"""`python -m training STEP --config FILE`."""

from pathlib import Path

import typer

from . import config as configuration

app = typer.Typer(no_args_is_help=True, help="Rebuild the bundled model from data.")
ConfigFile = typer.Option("training/configs/bundled.toml", "--config", help="The TOML file with all settings.")
ModelBundle = typer.Option(None, "--bundle", help="The folder of a model bundle; the bundled one by default.")


@app.command()
def prepare(config: Path = ConfigFile):
    """Unpack the data, work out targets and loss weights."""
    from . import prepare as step

    settings = configuration.load(config)
    step.prepare_patches(settings)
    step.prepare_volumes(settings)


@app.command()
def fit(config: Path = ConfigFile):
    """Fit the network, stage after stage; a second call resumes."""
    from . import fit as step

    step.fit(configuration.load(config))


@app.command()
def mine(config: Path = ConfigFile, bundle: Path = ModelBundle):
    """Find the network's false positives in the whole CTs: hard negatives for the second stage."""
    from . import mine as step

    typer.echo(step.mine(configuration.load(config), bundle))


@app.command()
def evaluate(
    config: Path = ConfigFile,
    bundle: Path = ModelBundle,
    role: str = typer.Option("test", help="Patients to evaluate on: test, or val while choosing."),
    whole_cts: bool = typer.Option(True, help="Also the automatic run over the whole CTs."),
):
    """Measure a bundle against the readers; writes figures, tables, plots and a page. A second call resumes."""
    from . import evaluate as step

    typer.echo(step.evaluate(configuration.load(config), bundle, role, whole_cts))
