"""Many CTs: which they are, workers that segment them one by one, and what is kept of each."""
