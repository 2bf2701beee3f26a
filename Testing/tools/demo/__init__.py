"""The demonstration: the main job on two real chest CTs with known tumours."""
