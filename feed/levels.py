"""What priorities are called in text, Chinese and English; never 预警."""

LEVELS = {1: ("一级", "P1"), 2: ("二级", "P2"), 3: ("三级", "P3"), 4: ("四级", "P4")}
