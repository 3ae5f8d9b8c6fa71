"""The admin socket that ``mudctl`` speaks to."""
