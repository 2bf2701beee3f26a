"""A run of the network over a CT, or around clicks in it, from the request to lesions in the scene."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..data import Options, Result
from ..findings.review import Findings
from ..model.bundle import read_card
from ..worker.client import WorkerClient, WorkerRun
from .results import Registry
from .runs import Run
from .scene import storage
from .scene.volumes import ct_from_volume, keeps_sizes, world_to_lps

_NOTHING_NOTE = "Nothing was found at this point that is as large as the smallest diameter asked for."
_SIZES_NOTE = (
    "The CT is under a transform that changes sizes; volumes and diameters are those in the CT's own grid, before the "
    "transform."
)


@dataclass(eq=False, kw_only=True)
class SegmentRun(Run):
    """What `LungTumorSegLogicBase.segment` and ``segment_at`` return.

    Attributes:
        add_to: See there.
        replaces: See there.
    """

    registry: Registry
    add_to: Findings | str | None = None
    replaces: Findings | None = None

    @classmethod
    def of(cls, registry: Registry, volume, points_ras: Sequence = (), *, add_to=None, replaces=None, **options):
        """A run, not yet in a queue.

        Args:
            points_ras: RAS mm, world.
            add_to: See `LungTumorSegLogicBase.segment`.
            replaces: See `LungTumorSegLogicBase.segment`.
            **options: Fields of `data.Options`.

        Raises:
            InputError: Those of `ct_from_volume`.
            TypeError: An unknown option.
        """
        ct = ct_from_volume(volume)
        points = tuple(world_to_lps(volume, p) for p in points_ras)
        options = Options(points_lps=points, **options)
        return cls(volume=volume, ct=ct, options=options, registry=registry, add_to=add_to, replaces=replaces)

    @property
    def job(self) -> str:
        """Whether it looks at clicked points or at the whole CT."""
        return "click" if self.options.points_lps else "segment"

    def begin(self, client: WorkerClient) -> WorkerRun:
        """Ask the child for the segmentation."""
        return client.start(self.ct, self.options)

    def take_over(self, answer: Result) -> Iterator[None]:
        """Show the lesions as a segmentation, a new one or in the one they are added to."""
        if not keeps_sizes(self.volume):
            answer = replace(answer, notes=(*answer.notes, _SIZES_NOTE))
        self.notes = answer.notes
        if self.options.points_lps and not answer.lesions:
            self.notes = answer.notes or (_NOTHING_NOTE,)
            return
        findings = self.registry.latest(self.volume) if self.add_to == "latest" else self.add_to
        if findings is not None and self.registry.segmentation(findings) is not None:  # not removed meanwhile
            self.lesion_ids = self.registry.extend(findings, answer)
        else:
            findings = Findings(self.ct, answer, read_card(self.options.model))
            self.lesion_ids = tuple(lesion.id for lesion in findings.lesions)
            for text in storage.pack_in_steps(findings):
                packed = text
                yield  # packing and showing together take longer than a panel may stand still
            self.registry.add(findings, self.volume, packed)
        self.findings = findings
        if self.replaces is not None:
            self.registry.remove(self.replaces)
