"""Does a monitor keep the three properties? Obligations by instruction and case, verdicts, and witnesses."""
