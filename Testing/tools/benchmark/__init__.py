"""``make benchmark``: our pipeline, its engines and what users have today, side by side in one run."""
