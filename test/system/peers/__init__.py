"""Mail servers to test against: real ones, run from .peers/ without being installed, and one that misbehaves."""
