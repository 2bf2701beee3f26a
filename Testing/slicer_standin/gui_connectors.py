"""How `connectGui` ties a widget to a parameter, after Slicer's `parameterNodeWrapper/guiConnectors.py`.

As there, the widget's exact class decides, and a subclass has no connector.
"""

# (widget class, type): property and signal
_CONNECTORS = {
    ("QCheckBox", bool): ("checked", "stateChanged(int)"),
    ("QSpinBox", int): ("value", "valueChanged(int)"),
    ("QDoubleSpinBox", float): ("value", "valueChanged(double)"),
    ("ctkSliderWidget", float): ("value", "valueChanged(double)"),
    ("QLineEdit", str): ("text", "textChanged(QString)"),
}


class Connector:
    """One widget and one parameter. Raises RuntimeError where Slicer has no connector for the two."""

    def __init__(self, widget, field):
        self.widget, self._slot, name = widget, None, widget.className()
        if name == "qMRMLNodeComboBox" and field.is_node:
            self.signal = "currentNodeChanged(vtkMRMLNode*)"
            widget.nodeTypes = [field.kind().GetClassName()]
            self.read, self.write = widget.currentNode, widget.setCurrentNode
        elif name == "QComboBox" and field.is_enum:
            self.signal = "currentIndexChanged(int)"
            self._fill(list(field.kind))
        elif (name, field.kind) in _CONNECTORS:
            self._property, self.signal = _CONNECTORS[name, field.kind]
            if field.kind in (int, float):
                self._set_range(name, field)
        else:
            raise RuntimeError(
                f"{widget.name}: Unable to create GUI connector from datatype '{field.hint}' to widget type '{name}'."
            )

    def _set_range(self, name, field):
        limits = next((a for a in field.annotations if hasattr(a, "minimum") and hasattr(a, "maximum")), None)
        if limits is None and name == "ctkSliderWidget":
            raise RuntimeError("Cannot have a connection to ctkSliderWidget where the float types is unbounded.")
        if limits is not None:
            self.widget.minimum, self.widget.maximum = limits.minimum, limits.maximum

    def _fill(self, values):
        """What the .ui file lists is replaced; what it chose there is an index into the values."""
        label = getattr(type(values[0]), "label", lambda value: value.name)
        self.read = lambda: values[self.widget.currentIndex]
        self.write = lambda value: setattr(self.widget, "currentIndex", values.index(value))
        chosen = self.read()
        self.widget.clear()
        for value in values:
            self.widget.addItem(label(value))
        self.write(chosen)

    def read(self):
        return getattr(self.widget, self._property)

    def write(self, value):
        if self._property != "text" or value != self.widget.text:  # writing a text moves its cursor
            setattr(self.widget, self._property, value)

    def connect(self, callback):
        self._slot = lambda: callback()
        self.widget.connect(self.signal, self._slot)

    def disconnect(self):
        self.widget.disconnect(self.signal, self._slot)
