"""Import of history that other tools have saved: `givlake import`.

`saved_files` finds and opens files, `saved_values` and `saved_csv` read what is in them,
`recognition` says what it is, `device_days` and `saved_pages` sort it by device and day,
`import_entries` makes archive entries of it, and `importer` does all of that for what was named.
"""
