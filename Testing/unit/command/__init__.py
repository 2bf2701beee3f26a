"""The command `lungtumorseg`."""
