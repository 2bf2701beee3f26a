"""What guidelines suggest of a nodule. For research; never a decision."""
