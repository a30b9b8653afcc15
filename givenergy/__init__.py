"""A client for the GivEnergy Cloud API, usable without the rest of givlake.

This package has the client, the shared request budget, paging, the errors and the code tables. What
is done with a response (archive, tables, Dagster) belongs to other packages, none of which is
imported here. The endpoints are in `givenergy.endpoints`, the codes in `givenergy.codes`.
"""
