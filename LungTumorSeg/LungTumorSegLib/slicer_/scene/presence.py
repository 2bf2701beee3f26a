"""Results leave the views while the CT of another one is looked at, and come back with their own."""

from . import markups, overlays

_PUT_AWAY = "LungTumorSeg.put away"


def put_away(node):
    """Hide a result's segmentation, lines and map until `bring_back`, unless the user has hidden it himself."""
    if node.GetDisplayNode().GetVisibility():
        node.SetAttribute(_PUT_AWAY, "yes")
        _set_visible(node, False)


def keep_away(node):
    """Hide what has just been drawn of a result that is put away."""
    if node.GetAttribute(_PUT_AWAY):
        _set_visible(node, False)


def bring_back(node) -> bool:
    """Show again what `put_away` has hidden; returns whether it had."""
    away = bool(node.GetAttribute(_PUT_AWAY))
    if away:
        node.RemoveAttribute(_PUT_AWAY)
        _set_visible(node, True)
    return away


def _set_visible(node, visible: bool):
    for shown in (node, *markups.lines_of(node)):
        shown.GetDisplayNode().SetVisibility(visible)
    overlays.set_in_views(node, visible)
