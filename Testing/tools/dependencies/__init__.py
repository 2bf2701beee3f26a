"""What the program depends on: a list of all packages with their licences, and whether weaknesses of them are known."""
