"""Events made visible: one JSON body and one marked-up line for each kind of viewer."""
