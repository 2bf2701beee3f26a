"""The end of a run is shown in pieces, one a turn of the event loop; between them the scene may change or close."""

import time

import pytest
import slicer
import slicer.util
from LungTumorSegLib import record
from LungTumorSegLib.slicer_.results import Registry
from LungTumorSegLib.slicer_.scene import storage

from Testing.support import headless

LINES = 2  # of one lesion: the largest is the selected one


def lines_in_scene():
    return slicer.util.getNodesByClass("vtkMRMLMarkupsLineNode")


def turn():
    slicer.app.processEvents()


def section_of(case):
    from LungTumorSegLib.slicer_.panel.findings import FindingsSection

    return case.panel.section(FindingsSection)


@pytest.fixture
def turns(standin_app):
    from LungTumorSegLib.slicer_.panel.turns import Turns

    return Turns()


@pytest.fixture
def at_its_lines(case):
    """A panel whose run has ended and been shown, but for the diameters, which wait for their turn."""
    case.volume = case.add_chest()
    case.ui.segmentButton.click()
    section, end = section_of(case), time.monotonic() + 60
    while section._undrawn is None and time.monotonic() < end:
        turn()
    assert section._undrawn is case.panel.findings is not None and lines_in_scene() == []
    return case


# ---- the pieces


def test_each_piece_has_a_turn_of_its_own_and_what_is_asked_for_twice_is_done_once(turns):
    done = []
    first, second, third = (lambda name=name: done.append(name) for name in ("first", "second", "third"))
    for work in (first, second, first, third):
        turns.ask(work)
    turns.drop(third)
    assert turns.busy and done == []
    seen = []
    for _ in range(4):
        turn()
        seen.append(list(done))
    assert seen[0] == ["first"] and seen[-1] == ["first", "second"] and not turns.busy
    turns.ask(first)
    turns.stop()
    turn()
    assert done == ["first", "second"]


def test_a_piece_may_ask_for_its_next_one_which_waits_behind_the_others(turns):
    done = []

    def long():
        done.append("long")
        if done.count("long") < 3:
            turns.ask(long)

    for work in (long, lambda: done.append("other")):
        turns.ask(work)
    while turns.busy:
        turn()
    assert done == ["long", "other", "long", "long"]


def test_what_goes_wrong_in_a_piece_takes_no_other_its_turn(turns, capsys):
    done = []
    for work in (lambda: 1 / 0, lambda: done.append("other")):
        turns.ask(work)
    for _ in range(3):
        turn()
    assert done == ["other"] and "ZeroDivisionError" in capsys.readouterr().err


# ---- the end of a run


def test_no_two_steps_of_taking_a_result_over_share_a_turn(case, monkeypatch):
    from LungTumorSegLib.slicer_.panel.less_likely import LessLikelyFold

    case.add_chest()
    passes = [[]]

    def note(owner, name):
        step = getattr(owner, name)

        def noted(*given, **more):
            passes[-1].append(name)
            return step(*given, **more)

        monkeypatch.setattr(owner, name, noted)

    for owner, name in (
        (record, "save"),
        (storage, "_zipped"),
        (Registry, "add"),
        (Registry, "show_3d"),
        (Registry, "show_diameters"),
        (Registry, "make_surfaces"),
        (type(section_of(case)), "refresh"),
        (LessLikelyFold, "_fill"),
    ):
        note(owner, name)
    case.ui.segmentButton.click()
    passes.append([])  # what the click itself did
    while case.logic.running or case.panel.turns.busy:
        turn()
        passes.append([])
    steps = [step for step in passes[1:] if step]
    assert all(len(step) == 1 for step in steps), steps
    assert ["_fill"] in steps
    once = [name for (name,) in steps if name not in ("refresh", "_fill", "make_surfaces")]
    assert once == ["save", "_zipped", "add", "show_3d", "show_diameters"]
    assert len(lines_in_scene()) == LINES
    assert case.ui.diametersButton.checked


def test_the_button_says_that_diameters_are_shown_while_they_wait(at_its_lines):
    at_its_lines.panel.refresh()
    assert at_its_lines.ui.diametersButton.checked


def test_the_scene_may_be_closed_before_the_diameters_are_drawn(at_its_lines, _application):
    headless.clear(*_application)
    at_its_lines.settle()
    assert lines_in_scene() == [] and section_of(at_its_lines)._undrawn is None
    assert not at_its_lines.ui.errorFrame.visible
    at_its_lines.add_chest()
    at_its_lines.run()
    assert len(lines_in_scene()) == LINES


def test_the_result_may_be_removed_before_its_diameters_are_drawn(at_its_lines):
    at_its_lines.ui.removeResultButton.click()
    at_its_lines.settle()
    assert lines_in_scene() == [] and not at_its_lines.ui.errorFrame.visible


def test_another_ct_may_be_chosen_before_the_diameters_are_drawn(at_its_lines):
    at_its_lines.add_chest("other")
    assert len(lines_in_scene()) == LINES
    assert not any(line.GetDisplayNode().GetVisibility() for line in lines_in_scene())
    at_its_lines.ui.inputSelector.setCurrentNode(at_its_lines.volume)
    at_its_lines.settle()
    assert all(line.GetDisplayNode().GetVisibility() for line in lines_in_scene())


def test_diameters_that_are_taken_off_before_they_are_drawn_stay_off(at_its_lines):
    at_its_lines.ui.diametersButton.click()
    at_its_lines.settle()
    assert lines_in_scene() == [] and not at_its_lines.ui.diametersButton.checked


def test_no_ct_may_be_chosen_before_the_network_is_loaded_ahead(case, capsys):
    case.add_chest()
    case.panel.exit()
    case.panel.enter()  # asks for it
    case.panel.parameters.inputVolume = None
    case.settle()
    assert len(case.network.warmed) == 1 and "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("happens", ["closed", "removed"])
def test_scene_or_ct_may_go_between_two_steps_of_taking_over(case, scene, _application, happens, monkeypatch):
    volume = case.add_chest()
    pack_in_steps, packed = storage.pack_in_steps, []

    def noted(findings):
        packed.append(findings)
        return pack_in_steps(findings)

    monkeypatch.setattr(storage, "pack_in_steps", noted)
    case.ui.segmentButton.click()
    while not packed:
        turn()
    assert case.logic.running and case.logic.results() == []
    if happens == "closed":
        headless.clear(*_application)
    else:
        scene.RemoveNode(volume)
    case.settle()
    assert not case.logic.running and case.logic.results() == [] and lines_in_scene() == []
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert case.ui.errorFrame.visible == (happens == "removed")
