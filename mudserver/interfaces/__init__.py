"""
The ports between the layers, and the messages that cross the bus.

Gateways and worlds know each other only by what stands here. Messages are frozen values
that could go over a wire; none holds a reference into either side's state.
"""
