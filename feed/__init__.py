"""Who is told: the alarm feed and its readers."""
