"""A bus on which messages are lost, late, doubled and in the wrong order."""
