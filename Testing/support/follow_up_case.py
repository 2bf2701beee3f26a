"""Two CTs in the panel, compared."""

SHIFT = (6.0, -4.0, 9.0)  # where the other CT lies, LPS mm


def pair(case):
    """An earlier CT and the chosen one, which is segmented; returns both volumes."""
    earlier = case.add_chest("earlier", SHIFT, 3)
    later = case.add_chest("later")
    case.run()
    case.ui.otherSelector.setCurrentNode(earlier)
    case.settle()
    return earlier, later


def compare(case):
    case.ui.followUpButton.click()
    case.wait()
