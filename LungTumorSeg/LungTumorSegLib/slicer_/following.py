"""A follow-up: two CTs of a patient from the request to their lesions in the scene and what became of each."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..chronology import InOrder, in_order
from ..data import CT, Lesion, Options, Progress
from ..enums import Stage
from ..findings.review import Findings
from ..model.bundle import load_bundle
from ..worker.client import WorkerClient, WorkerRun
from .results import Registry
from .runs import Run
from .scene import dicom_files, storage
from .scene.volumes import ct_from_volume

if TYPE_CHECKING:  # SimpleITK and scipy, which the panel opens without
    from ..findings.follow_up.follow import FollowUp
    from ..findings.follow_up.points import TimePoint

# stages of the second CT that is segmented are told with it; what comes after the registration is one stage
SECOND, CLICKS = " 2", "clicks"


@dataclass(eq=False, kw_only=True)
class FollowUpRun(Run):
    """What `LungTumorSegLogicBase.follow_up` returns. ``volume`` is the CT that is looked at, early or late.

    ``findings`` is the new result of ``volume``, None where there was one before.

    Attributes:
        pair: Both volume nodes, the earlier first.
        cts: Theirs.
        known: Their dates, and whether they are of one patient.
        reviewed: Their results that were there before, None without one.
        follow_up: When done, the `FollowUp`.
        found: When done, both results in the scene.
        compared: When done, the lesions of both that were compared.
    """

    registry: Registry
    pair: tuple
    cts: tuple[CT, CT]
    known: InOrder
    reviewed: list[Findings | None]
    follow_up: "FollowUp | None" = None
    found: list[Findings] = field(default_factory=list)
    compared: list[tuple[Lesion, ...]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        registry: Registry,
        volume,
        other,
        findings: Findings | None = None,
        dates: Sequence[datetime.date | None] | None = None,
        same_patient: bool = False,
        **options,
    ) -> "FollowUpRun":
        """A run, not yet in a queue.

        Args:
            other: Of the same patient, earlier or later.
            findings: Which result of ``volume`` counts, by default its latest.
            dates: Of other and volume; where one is None, and without any, those of their DICOM files.
            same_patient: As of `chronology.in_order`.
            **options: Fields of `data.Options`.

        Raises:
            InputError: Those of `ct_from_volume` and `chronology.in_order`.
        """
        volumes = other, volume
        cts = [ct_from_volume(node) for node in volumes]
        known = in_order(cts, [dicom_files.acquisition(node) for node in volumes], dates, same_patient)
        results = [registry.latest(other), findings or registry.latest(volume)]
        for each in filter(None, results):
            registry.take_over_edits(each)
        return cls(
            volume=volume,
            ct=cts[1],
            options=Options(**options),
            registry=registry,
            pair=tuple(volumes[k] for k in known.order),
            cts=tuple(cts[k] for k in known.order),
            known=known,
            reviewed=[results[k] for k in known.order],
        )

    @property
    def job(self) -> str:
        """With how many of the two CTs have to be segmented, which the estimate of its time depends on."""
        return f"compare {self.reviewed.count(None)}"

    @property
    def volumes(self) -> tuple:
        """The volume nodes of both CTs, the earlier first."""
        return self.pair

    def begin(self, client: WorkerClient) -> WorkerRun:
        """Ask the child for the comparison; results that are there are handed over."""
        self._runs, self._registered = 0, False
        self._given = [each and replace(each.as_result(), probability=None) for each in self.reviewed]
        return client.compare(self.cts, self.known, self._given, self.options)

    def shown(self, progress: Progress) -> Progress:
        """Stages of the second CT have names of their own, clicks after the registration are one stage."""
        if progress.stage == Stage.LUNGS and not self._registered:
            self._runs += 1
        self._registered |= progress.stage == Stage.REGISTRATION
        if self._registered and progress.stage != Stage.REGISTRATION:
            return Progress(CLICKS, 0, 1)
        return progress if self._runs < 2 else replace(progress, stage=f"{progress.stage}{SECOND}")

    def take_over(self, answer: "FollowUp") -> Iterator[None]:
        """New results come into the scene; in one last step what clicks found joins those that were there.

        Cancelled or failed before the end, the new results are taken out again.
        """
        made: dict[int, Findings] = {}
        try:
            for k in [k for k, before in enumerate(self.reviewed) if before is None]:
                made[k] = self._new(k, answer.points[k])
                for text in storage.pack_in_steps(made[k]):
                    packed = text
                    yield
                self.registry.add(made[k], self.pair[k], packed)
                yield
            for k, before in enumerate(self.reviewed):
                self.found.append(before or made[k])
                self.compared.append(made[k].lesions if before is None else self._join(k, answer.points[k]))
        except BaseException:
            for each in made.values():
                self.registry.take_back(each)
            raise
        for k, new in made.items():
            if self.pair[k] is self.volume:
                self.findings = new
                self.lesion_ids = tuple(lesion.id for lesion in new.lesions)
        self.registry.show_results_of(self.volume)
        self.notes = tuple(dict.fromkeys(note for k in made for note in answer.points[k].result.notes))
        self.follow_up = answer

    def _join(self, k: int, point: "TimePoint") -> tuple[Lesion, ...]:
        """Let what clicks found join the result that was there; returns its lesions that were compared."""
        before, given = self.reviewed[k], self._given[k]
        untouched = before.lesions == given.lesions
        clicked = replace(point.result, candidates=point.result.candidates[len(given.candidates) :])
        if clicked.candidates and self.registry.segmentation(before) is not None:  # not removed meanwhile
            self.registry.extend(before, clicked)
        return before.lesions if untouched else given.lesions

    def _new(self, k: int, point: "TimePoint") -> Findings:
        """A run's result, which the lesions of clicks join as they do after a click of the user's."""
        result = point.result
        ran = [(x, mask) for x, mask in zip(result.lesions, result.masks, strict=True) if x.id not in point.clicked]
        made = Findings(
            self.cts[k],
            replace(
                result,
                candidates=tuple(c for c in result.candidates if c.point_lps is None),
                lesions=tuple(lesion for lesion, _ in ran),
                masks=tuple(mask for _, mask in ran),
            ),
            load_bundle(self.options.model).card,
        )
        if point.clicked:
            clicks = tuple(c for c in result.candidates if c.point_lps is not None)
            made.add(replace(result, candidates=clicks))
        return made
