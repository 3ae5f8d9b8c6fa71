"""The machines of a connection and a session, and what they are made of: sans-IO."""
