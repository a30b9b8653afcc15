"""The version of givlake, which the client also sends as its user agent, and that of the API."""

__version__ = "0.1.0"
# Of the API document that the endpoints, types and codes follow.
API_VERSION = "1.26"
