"""What runs took on this computer, kept in the user's settings of Slicer, from which the next one is estimated."""

import json

import slicer

from .estimate import Taken

_KEY = "LungTumorSeg/SecondsOfRuns"


def read(job: str) -> dict[str, Taken]:
    """What the stages of the last run of this job took; empty before the first, and where the settings are damaged."""
    try:
        stages = json.loads(slicer.app.userSettings().value(_KEY))[job]
        return {stage: Taken(float(seconds), int(steps)) for stage, (seconds, steps) in stages.items()}
    except (TypeError, ValueError, LookupError, AttributeError):
        return {}


def keep(job: str, taken: dict[str, Taken]):
    """For the next run of this job. A stage that a run left out (nothing was found) stays as an earlier one took it."""
    settings = slicer.app.userSettings()
    try:
        every = dict(json.loads(settings.value(_KEY)))
    except (TypeError, ValueError):
        every = {}
    stages = read(job) | taken
    every[job] = {stage: [round(part.seconds, 3), part.steps] for stage, part in stages.items()}
    settings.setValue(_KEY, json.dumps(every))
