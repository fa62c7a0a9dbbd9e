"""Bytes in, readings out: the pipeline and what it feeds."""
