"""The GivEnergy Cloud API, and nothing else.

Here live the client, the shared request budget, pagination, the errors by what one can do about
them and the code tables. What is done with a response (archive, tables, Dagster) lives elsewhere;
this package imports none of it and can be used alone.
"""

__version__ = "0.1.0"
