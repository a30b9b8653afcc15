"""The version of givlake, as the client names itself to the API."""

__version__ = "0.1.0"
