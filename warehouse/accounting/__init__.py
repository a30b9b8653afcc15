"""Row accounting, quarantine and drift of each build."""
