"""Data, examples, fits and evaluations of `training`."""
