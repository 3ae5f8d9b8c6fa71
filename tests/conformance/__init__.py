"""
The Autobahn Testsuite against the gateway: ``python -m tests.conformance --sections 1 2 9``.

What is tested is the way of a message through the web site's ``/ws``, the protocol class, link,
switchboard and outbox; only the game is missing, and the limits are raised.
"""
