"""What an engineer edits, and how it becomes a registry and rules."""
