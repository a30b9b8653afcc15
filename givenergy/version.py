"""The version of givlake, which the client also sends as its user agent."""

__version__ = "0.1.0"
