"""Servers to compare with, each a module that runs alone and does nothing but deliver."""

#: What they deliver: a message like ours, byte for byte of the same size.
MESSAGE = (
    '{"type":"chat","channel":"say","from":"Playeraaab","text":"hello there, all of you",'
    '"line":"Playeraaab says, \\"hello there, all of you\\"","time":"2026-01-01T00:00:00.000Z"}'
)
