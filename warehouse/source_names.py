"""The names of the sources of responses; light, as settings are checked against them."""

API_SOURCE = "api"
# Sources that are no API: files that another tool saved, and the device itself.
IMPORT_SOURCE, LOCAL_SOURCE = OTHER_SOURCES = ("import", "local")
