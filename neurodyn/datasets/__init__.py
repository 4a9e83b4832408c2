"""Readers: from files in a known format to labelled arrays, one format a file."""
