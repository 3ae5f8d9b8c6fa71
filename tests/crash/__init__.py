"""The crash oracle: what was acknowledged is there after a kill -9, and the rest whole or not."""
