"""Telling people: who is told of which alarm over which channel, in what pace, and what became of it."""
