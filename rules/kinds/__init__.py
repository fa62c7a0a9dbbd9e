"""One file for each kind of rule, with one pure step; the table of them is `rules.kinds.table`."""
