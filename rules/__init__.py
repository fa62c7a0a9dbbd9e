"""What counts as wrong: the fold over the log, windows, rules and alarms. Pure: no clock, no I/O."""
