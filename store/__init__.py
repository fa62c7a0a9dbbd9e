"""What is kept: the journal, the book and their kin. No threads."""
