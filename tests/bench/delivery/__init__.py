"""
Deliveries and commands, end to end, beside servers that do less.

Nothing here asserts a time, since machines differ and are noisy: figures are to be read as ratios
to what ran in the same run.
"""
