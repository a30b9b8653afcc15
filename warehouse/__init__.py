"""Storage: the archive of responses, the tables built from it, and the catalogue of views.

Independent of the GivEnergy API and of Dagster, which `givenergy`, `assets` and `pipelines` handle.
"""
