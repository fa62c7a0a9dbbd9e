"""One file for each way in which frames arrive."""
