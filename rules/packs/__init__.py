"""Rules that come with Cityward."""
