"""What a run leaves for people and programs: the files in a folder, all of them or none."""
