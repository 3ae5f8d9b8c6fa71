"""The bus over each of its ways, beside NATS with its Python client."""
