"""
Long searches for input that breaks a parser or a machine: ``make fuzz``.

The unit tests look at some inputs of each run; here a fuzzer that sees which lines are reached
looks for new ones, for as long as one likes.
"""
