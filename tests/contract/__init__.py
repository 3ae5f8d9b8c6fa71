"""What every implementation of a port must do, as mixins for test cases."""
