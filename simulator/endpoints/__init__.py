"""The API's endpoints, each module with the rows that its endpoints return.

A module defines `ENDPOINTS`, a tuple of `ApiEndpoint`, and `LISTINGS`, which maps the names of its
listings to their classes. `simulator.api` serves every module of this package.
"""
