"""What ingestion costs, measured."""
