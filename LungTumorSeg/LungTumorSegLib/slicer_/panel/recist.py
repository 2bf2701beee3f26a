"""RECIST in the panel: the sum over the ticked targets and the response, a suggestion that the user may change."""

from slicer.i18n import tr as _

from .section import say

RESPONSES = ("CR", "PR", "SD", "PD", "NE")


def _names() -> dict[str, str]:
    return {
        "CR": _("CR, complete response"),
        "PR": _("PR, partial response"),
        "SD": _("SD, stable disease"),
        "PD": _("PD, progressive disease"),
        "NE": _("NE, not evaluable"),
    }


def _rules() -> dict[str, str]:
    """As `findings.follow_up.recist.RULES`, in the panel's language."""
    return {
        "CR": _("all target lesions have disappeared"),
        "PR": _("the sum of diameters is at least 30 % smaller than at baseline"),
        "SD": _("neither enough shrinkage for PR nor enough growth for PD"),
        "PD": _("the sum of diameters is at least 20 % and 5 mm larger than the smallest sum so far"),
        "NE": _("a target lesion was not compared"),
    }


class RecistBox:
    """The line with the sum, the choice of the response, and the rule that the suggestion rests on."""

    def __init__(self, ui):
        self._ui, self._found, self._by_hand = ui, None, False
        for name in RESPONSES:
            ui.responseCombo.addItem(_names()[name], name)
        ui.responseCombo.connect("activated(int)", self._changed)

    @property
    def targets(self) -> tuple[int, ...]:
        """Ids of the target lesions' tracks."""
        return self._found.targets

    def begin(self, follow_up):
        """A new comparison, with the targets that the library chooses."""
        self._by_hand = False
        self.choose(follow_up, None)

    def choose(self, follow_up, targets):
        """Other targets (ids of tracks).

        Raises:
            InputError: More than five. What was chosen before stays.
        """
        from ...findings.follow_up.recist import recist  # SimpleITK and scipy, which the panel opens without

        self._found = recist(follow_up, targets)
        self._show()

    def lines(self) -> list[str]:
        """For the clipboard."""
        if not self._found.responses:
            return []
        return [self._ui.recistLabel.text, self._ui.responseCombo.currentText, self._ui.ruleLabel.text]

    def _changed(self):
        self._by_hand = self._ui.responseCombo.currentIndex != RESPONSES.index(self._found.responses[1].response)
        self._show()

    def _show(self):
        ui, found = self._ui, self._found
        ui.responseCombo.visible = bool(found.responses)
        if not found.responses:
            say(
                ui.recistLabel,
                _("RECIST 1.1: no lesion is a target. Tick the number of one of the earlier CT."),
            )
            say(ui.ruleLabel, "")
            return
        first, now = found.responses
        sums = [_("not known") if at.sum_mm is None else _("{0:.1f} mm").format(at.sum_mm) for at in (first, now)]
        numbers = ", ".join(map(str, found.targets))
        said = _("RECIST 1.1, sum of lesions {0}: {1}, then {2}.").format(numbers, *sums)
        say(ui.recistLabel, " ".join([said, *found.notes]))
        if not self._by_hand:
            ui.responseCombo.currentIndex = RESPONSES.index(now.response)
        rule = _("Suggested: {0}: {1}.").format(_names()[now.response], _rules()[now.response])
        if now.new and now.response != "PD":
            rule += " " + _("A new lesion, if it is confirmed, is progressive disease (PD).")
        say(ui.ruleLabel, rule)
