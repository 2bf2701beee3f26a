"""What goes over the network, and only when a user asks for it. Needs pynetdicom, an extra of its own."""
