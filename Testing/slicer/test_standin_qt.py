"""The Qt stand-in behaves as PythonQt does, and raises where PythonQt would only print."""

import pytest
from PySide6 import QtCore, QtWidgets

from Testing import slicer_standin as standin
from Testing.slicer_standin import qt

UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>Form</class>
 <widget class="QWidget" name="Form"><layout class="QVBoxLayout" name="column">
  <item><widget class="{kind}" name="button"><property name="{prop}"><string>Go</string></property></widget></item>
  <item><widget class="QLabel" name="label"/></item>
 </layout></widget>
 <connections><connection><sender>button</sender><signal>{signal}</signal><receiver>{receiver}</receiver>
  <slot>{slot}</slot></connection></connections>
</ui>"""
GOOD = {"kind": "QPushButton", "prop": "text", "signal": "clicked()", "receiver": "label", "slot": "hide()"}


@pytest.fixture(scope="module", autouse=True)
def application():
    return qt.QApplication.instance() or qt.QApplication([])


def load_ui(**changes):
    buffer = QtCore.QBuffer()
    buffer.setData(UI.format(**{**GOOD, **changes}).encode())
    buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
    return qt.QUiLoader().load(buffer)


def test_qt_properties_are_attributes():
    button = qt.QPushButton("Go")
    assert button.text == "Go"
    button.text, button.enabled, button.name = "Stop", False, "stop"
    assert (button.text, button.enabled, button.name) == ("Stop", False, "stop")
    with pytest.raises(TypeError):
        button.text()


def test_classes_are_related_as_in_qt():
    assert isinstance(qt.QLabel(), qt.QWidget) and not isinstance(qt.QLabel(), qt.QPushButton)


def test_children_are_found_by_class_and_name():
    box = qt.QWidget()
    label, button = qt.QLabel(box), qt.QPushButton(box)
    label.name = "label"
    assert box.findChildren("QWidget") == [label, button]
    assert box.findChildren(qt.QWidget, "label") == [label]


@pytest.mark.parametrize("name", ["enabld", "_mine"])
def test_a_new_attribute_of_a_widget_raises(name):
    with pytest.raises(AttributeError, match=name):
        setattr(qt.QPushButton(), name, True)


def test_a_misspelt_property_of_a_ctk_widget_raises():
    import ctk

    with pytest.raises(AttributeError, match="colapsed"):
        ctk.ctkCollapsibleButton().colapsed = True


def test_a_misspelt_signal_raises():
    with pytest.raises(ValueError, match="cliked"):
        qt.QPushButton().connect("cliked(bool)", print)


def test_slot_arguments_are_trimmed_to_what_the_slot_takes():
    got = []
    button = qt.QPushButton()
    button.checkable = True
    button.connect("clicked(bool)", lambda: got.append("none"))
    button.connect("clicked(bool)", lambda checked: got.append(checked))
    button.connect("clicked(bool)", lambda checked="default": got.append(checked))
    button.click()
    assert got == ["none", True, True]


def test_disconnect_removes_only_the_named_slot():
    got = []
    button, first, second = qt.QPushButton(), lambda: got.append(1), lambda: got.append(2)
    button.connect("clicked()", first)
    button.connect("clicked()", second)
    assert button.disconnect("clicked()", first)
    button.click()
    assert got == [2]


def test_objects_made_by_qt_itself_are_as_strict():
    table = qt.QTableWidget(1, 2)
    with pytest.raises(AttributeError, match="stretchLast"):
        table.horizontalHeader().stretchLast = True
    table.horizontalHeader().stretchLastSection = True
    assert QtWidgets.QHeaderView.stretchLastSection(table.horizontalHeader())


def test_the_ui_loader_makes_widgets_and_connections():
    form = load_ui()
    button, label = form._made["button"], form._made["label"]
    button.click()
    assert button.text == "Go" and label.isHidden()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "QPushButtn"}, "QPushButtn"),
        ({"prop": "txt"}, "no property txt"),
        ({"signal": "cliked()"}, "no signal cliked"),
        ({"receiver": "nobody"}, "nobody"),
        ({"slot": "vanish()"}, "no slot vanish"),
    ],
)
def test_a_mistake_in_a_ui_file_raises(changes, message):
    with pytest.raises(RuntimeError, match=message):
        load_ui(**changes)


def test_a_collapsed_group_hides_its_contents_and_shows_them_again():
    import ctk

    group = ctk.ctkCollapsibleButton()
    group.setLayout(qt.QVBoxLayout())
    shown, hidden = qt.QLabel("shown"), qt.QLabel("hidden")
    group.layout().addWidget(shown)
    group.layout().addWidget(hidden)
    hidden.hide()
    group.show()
    changes = []
    group.connect("contentsCollapsed(bool)", changes.append)
    group.collapsed = True
    assert not shown.isVisible() and changes == [True]
    group.collapsed = False
    assert shown.isVisible() and not hidden.isVisible()


def test_what_is_shown_while_its_group_is_collapsed_comes_into_sight_with_it():
    import ctk

    group = ctk.ctkCollapsibleButton()
    group.setLayout(qt.QVBoxLayout())
    first, second = qt.QLabel("first"), qt.QLabel("second")
    group.layout().addWidget(first)
    group.layout().addWidget(second)
    second.hide()
    group.collapsed = True
    group.show()
    second.show()
    first.hide()
    assert not second.isVisible()
    group.click()
    assert second.isVisible() and not first.isVisible() and not group.collapsed


def test_a_collapsed_group_is_as_high_as_its_button_and_the_collapsed_height():
    import ctk

    group = ctk.ctkCollapsibleButton()
    group.setLayout(qt.QVBoxLayout())
    group.layout().addWidget(qt.QPlainTextEdit())
    group.collapsed = True
    button = group.sizeHint.height() - 14
    assert button == group.contentsMargins().top()
    group.collapsedHeight = 6
    assert group.sizeHint.height() == button + 6


def test_a_slider_widget_keeps_to_its_range_and_tells_its_value():
    import ctk

    slider, values = ctk.ctkSliderWidget(), []
    slider.minimum, slider.maximum, slider.decimals = 0.0, 1.0, 2
    slider.connect("valueChanged(double)", values.append)
    slider.value = 0.25
    slider.value = 7.0
    assert slider.value == 1.0 and values == [0.25, 1.0]


def test_a_picture_of_a_widget_is_written(tmp_path):
    standin.set_theme(dark=True)
    standin.picture(qt.QLabel("text"), tmp_path / "label.png", width=360)
    image = qt.QImage(str(tmp_path / "label.png"))
    assert image.width() == 360
    assert image.pixelColor(2, 2).lightness() < 100
    standin.set_theme(dark=False)
