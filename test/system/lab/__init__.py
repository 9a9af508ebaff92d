"""The fault lab: a network of our own with real servers in it, each of which can fail in many ways at once."""
