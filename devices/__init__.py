"""What is out there: devices, their models, and how frames become readings. Pure: no clock, no I/O."""
