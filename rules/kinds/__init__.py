"""One file for each kind of rule, with one pure step."""
