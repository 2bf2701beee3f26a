"""Changes of results that can be taken back, and made again."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .review import Findings

MOST_STEPS = 50


@dataclass(frozen=True, eq=False)
class Step:
    """A result before and after one change.

    Attributes:
        findings: The result.
        before: Its memento.
        after: Its memento; None where the result was removed.
    """

    findings: Findings
    before: dict
    after: dict | None


class History:
    """The latest step is undone first, the one undone last is made again first, each among those of some results.

    A new step of a result forgets what was undone of it.
    """

    def __init__(self) -> None:
        self._done: list[Step] = []
        self._undone: list[Step] = []

    @contextmanager
    def step(self, findings: Findings) -> Iterator[None]:
        """What changes inside is one step; nothing is noted when nothing changes, or an error is raised."""
        before = findings.memento()
        yield
        after = findings.memento()
        if _differ(before, after):
            self._note(Step(findings, before, after))

    def removed(self, findings: Findings) -> None:
        """Note that a result was removed."""
        self._note(Step(findings, findings.memento(), None))

    def undo(self, results: Collection[Findings]) -> Step | None:
        """Take the latest step of these results off; None where there is none."""
        return _move(self._done, self._undone, results)

    def redo(self, results: Collection[Findings]) -> Step | None:
        """The step of these results that was undone last."""
        return _move(self._undone, self._done, results)

    def can_undo(self, results: Collection[Findings]) -> bool:
        """Whether there is a step of these results to take off."""
        return any(step.findings in results for step in self._done)

    def can_redo(self, results: Collection[Findings]) -> bool:
        """Whether a step of these results was undone."""
        return any(step.findings in results for step in self._undone)

    def results(self) -> list[Findings]:
        """Those of which there is a step."""
        return list(dict.fromkeys(step.findings for step in (*self._done, *self._undone)))

    def forget(self, findings: Findings) -> None:
        """Its CT is gone."""
        for steps in (self._done, self._undone):
            steps[:] = [step for step in steps if step.findings is not findings]

    def _note(self, step: Step) -> None:
        self._undone = [undone for undone in self._undone if undone.findings is not step.findings]
        self._done = [*self._done, step][-MOST_STEPS:]


def _differ(before: dict, after: dict) -> bool:
    if any(before[name] != after[name] for name in ("lesions", "less_likely", "options", "names", "smooth_mm")):
        return True
    if any(one is not other for one, other in zip(before["masks"], after["masks"], strict=True)):
        return True
    one, other = ([region.threshold for region in memento["_regions"]] for memento in (before, after))
    return one != other


def _move(source: list[Step], target: list[Step], results: Collection[Findings]) -> Step | None:
    step = next((step for step in reversed(source) if step.findings in results), None)
    if step is not None:
        source.remove(step)
        target.append(step)
    return step
