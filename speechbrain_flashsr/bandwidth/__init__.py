"""Where the band of a recording ends."""
