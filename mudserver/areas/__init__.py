"""The starter area: one YAML file for each of its districts, imported on first start."""
