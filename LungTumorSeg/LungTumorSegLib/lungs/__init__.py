"""Where the lungs are."""
