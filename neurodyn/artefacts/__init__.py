"""Results on disk: netCDF with provenance and a content key, written atomically."""
