"""How a CT is shown."""

# width and level in HU, as lungs and mediastinum are read
LUNG_WINDOW = (1500.0, -600.0)
SOFT_TISSUE_WINDOW = (400.0, 40.0)


def set_window(volume, width: float, level: float):
    """Show a volume with a window in HU."""
    volume.CreateDefaultDisplayNodes()
    display = volume.GetScalarVolumeDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(width, level)
