"""The module's logic on the real MRML libraries, with the real child process and the bundled model."""
