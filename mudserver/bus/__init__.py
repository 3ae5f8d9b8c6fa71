"""What joins gateways and worlds."""
