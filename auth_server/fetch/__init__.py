"""Fetches what strangers name, and reaches nothing that is not public."""
