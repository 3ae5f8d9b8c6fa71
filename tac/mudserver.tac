"""
mudserver for ``twistd -y tac/mudserver.tac``.

The same services as ``twistd mudserver``. Since ``-y`` takes no options of ours, the settings come
from the environment: ``MUDSERVER_CONFIG`` names the file, and each other option has its own
``MUDSERVER_`` variable.
"""

# Options of twisted.python.usage have no types.
# mypy: disallow-untyped-calls=False

from twisted.application.service import Application
from twisted.python.usage import UsageError

from mudserver.service import Options, makeService

application = Application("mudserver")

options = Options()
try:
    options.parseOptions([])
    makeService(options).setServiceParent(application)
except UsageError as error:
    # twistd prints these for a plugin, and a traceback for a file.
    raise SystemExit(f"mudserver: {error}") from None
