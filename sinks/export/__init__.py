"""Writes what a search finds into a file that other tools read: CSV, JSON lines or Parquet."""
