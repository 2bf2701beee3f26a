"""A map of one lesion, from the request to the colours over the slices; the child process computes it."""

from dataclasses import dataclass

import numpy as np
import slicer

from ..data import Lesion, LesionMap, Options
from ..enums import Device, Precision
from ..errors import Cancelled, ModelMismatchError, UnreadableError
from ..findings.review import Findings
from ..model.bundle import load_bundle
from ..worker.client import WorkerClient, WorkerRun
from .results import Registry
from .runs import Run
from .scene import display, overlays, volumes

_TITLES = {"uncertainty": "Uncertainty", "heat": "Fall of probability"}


@dataclass(eq=False, kw_only=True)
class ExplainRun(Run):
    """What `LungTumorSegLogicBase.explain` returns.

    Attributes:
        explained: The result that the lesion belongs to.
        lesion: As it was when the map was asked for.
        mask: Of the lesion then, bool (z, y, x), fills its ``label_box``.
        kind: ``uncertainty`` or ``heat``.
        opacity: Of the map, 0 to 1.
        title: Of the map's legend.
        map: When done, the volume node that lies over the slices.
    """

    registry: Registry
    explained: Findings
    lesion: Lesion
    mask: np.ndarray
    kind: str
    opacity: float
    title: str
    map: object = None

    @classmethod
    def of(
        cls,
        registry: Registry,
        findings: Findings,
        lesion_id: int,
        kind: str,
        opacity: float = 0.5,
        title: str | None = None,
        engine: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
    ) -> "ExplainRun":
        """A run, not yet in a queue.

        Args:
            kind: ``uncertainty`` or ``heat``.
            opacity: Of the map, 0 to 1.
            title: Of its legend; None: by the kind.

        Raises:
            KeyError: No such lesion.
            ValueError: No such kind.
            UnreadableError: The CT is gone.
            ModelError: The model that made the result is gone or is not the same any more: another one would explain
                another answer.
        """
        if kind not in _TITLES:
            raise ValueError(f"not a map of a lesion: {kind}")
        volume = registry.volume(findings)
        if volume is None:
            raise UnreadableError("The CT of this result is no longer in the scene; load it and segment it again.")
        folder = findings.options.model
        if load_bundle(folder).checksum != findings.result.model["checksum"]:
            raise ModelMismatchError(
                "The model that made this result was replaced by another one since; segment the CT again to see maps."
            )
        return cls(
            volume=volume,
            ct=findings.ct,
            options=Options(
                engine=engine, device=Device(device), precision=Precision(precision), threads=threads, model=folder
            ),
            registry=registry,
            explained=findings,
            lesion=findings.lesion(lesion_id),
            mask=findings.mask(lesion_id),
            kind=kind,
            opacity=opacity,
            title=_TITLES[kind] if title is None else title,
        )

    @property
    def job(self) -> str:
        """The kind of map."""
        return self.kind

    def begin(self, client: WorkerClient) -> WorkerRun:
        """Ask the child for the map of the lesion."""
        point = self.explained.click_of(self.lesion.id)
        return client.explain(self.ct, self.lesion, self.mask, self.kind, point, self.options)

    def take_over(self, answer: LesionMap) -> tuple:
        """Lay the map over the slices, and bring the views to the slice of a heat map; all in one step.

        Raises:
            Cancelled: The result's segmentation is gone.
        """
        segmentation = self.registry.segmentation(self.explained)
        if segmentation is None:
            raise Cancelled("The result was removed meanwhile; there is nothing to lay a map over.")
        self.notes = answer.notes
        name = self.explained.names[self.lesion.id]
        self.map = overlays.show_lesion_map(
            answer, self.lesion.id, name, self.volume, segmentation, self.opacity, self.title
        )
        if answer.kind == "heat":
            # the box is one axial slice: that moves the centre onto it, along whichever axis
            on_slice = np.clip(self.lesion.label_box.middle, answer.box.start, np.subtract(answer.box.stop, 1))
            place = self.ct.geometry.lps(on_slice).tolist()
            display.jump(slicer.mrmlScene, volumes.lps_to_world(self.volume, place))
        return ()
