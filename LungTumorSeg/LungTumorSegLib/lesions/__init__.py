"""From probability to lesions, and what is measured of them."""
