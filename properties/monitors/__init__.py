"""Does a monitor keep the three properties? Obligations by instruction and case, their verdicts, and their witnesses."""
