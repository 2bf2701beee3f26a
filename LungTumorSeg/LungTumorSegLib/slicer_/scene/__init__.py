"""What lies in the MRML scene: reading a CT from it, and showing, storing and comparing results in it."""
