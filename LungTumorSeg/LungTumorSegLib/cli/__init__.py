"""The command ``lungtumorseg``."""
