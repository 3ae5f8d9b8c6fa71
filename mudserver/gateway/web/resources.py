"""What stands at the paths of the site."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from twisted.internet.defer import CancelledError
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from mudserver.errors import BusUnavailable, PlayerError, Unavailable
from mudserver.gateway.web.answer import HttpRefusal, failure
from mudserver.gateway.web.api import Method
from mudserver.gateway.web.cross_origin import preflight
from mudserver.gateway.web.request import WebRequest
from mudserver.gateway.web.static_files import StaticFile
from mudserver.tasks import Tasks


class Spot(Resource, ABC):
    """One path of the site; there is nothing below it but what was put there."""

    def getChild(self, path: bytes, request: WebRequest) -> Resource:
        """There is no such thing."""
        del path, request
        return Refusal(_nothing_here())

    def render(self, request: WebRequest) -> int:
        """Serve a request; a refusal is told to the client."""
        try:
            self.serve(request)
        except (PlayerError, Unavailable) as error:
            request.refuse(error)
        return NOT_DONE_YET

    @abstractmethod
    def serve(self, request: WebRequest) -> None:
        """
        Answer a request, now or later.

        Raises:
            PlayerError, Unavailable: To be told to the client.
        """


class Refusal(Spot):
    """
    Says why not, whatever is asked.

    Args:
        error: Why not.
    """

    isLeaf = True

    def __init__(self, error: PlayerError) -> None:
        super().__init__()
        self._error = error

    def serve(self, request: WebRequest) -> None:
        """Implement `Spot.serve`."""
        del request
        raise self._error


class Folder(Spot):
    """A path that only leads to others."""

    def serve(self, request: WebRequest) -> None:
        """Implement `Spot.serve`."""
        del request
        raise _nothing_here()


class Page(Spot):
    """
    A file.

    Args:
        file: Which.
    """

    def __init__(self, file: StaticFile) -> None:
        super().__init__()
        self._file = file

    def serve(self, request: WebRequest) -> None:
        """Implement `Spot.serve`."""
        check_method(request, ("GET", "HEAD"))
        request.answer(self._file.answer(request.value("If-None-Match")))


class ApiCall(Spot):
    """
    A path of the API.

    Args:
        methods: What it does, by method.
        tasks: Owns what runs until the world has answered. A client that goes away meanwhile
            changes nothing: what was begun is finished.
    """

    def __init__(self, methods: Mapping[str, Method], tasks: Tasks) -> None:
        super().__init__()
        self._methods = methods
        self._tasks = tasks

    def serve(self, request: WebRequest) -> None:
        """Implement `Spot.serve`."""
        if request.method == b"OPTIONS" and request.page:
            request.answer(preflight(self._methods))
            return
        method = self._methods[check_method(request, self._methods)]
        self._tasks.run("http", self._serve(method, request))

    async def _serve(self, method: Method, request: WebRequest) -> None:
        try:
            answer = await method(request.call())
        except (PlayerError, Unavailable) as error:
            request.refuse(error)
        except CancelledError:
            request.refuse(BusUnavailable("The server stops."))
            raise
        except Exception:
            request.answer(failure(request.form))
            raise
        else:
            request.answer(answer)


def check_method(request: WebRequest, allowed: Iterable[str]) -> str:
    """
    Return the request's method.

    Raises:
        HttpRefusal: It isn't one of the allowed.
    """
    method = request.method.decode("latin-1")
    if method not in allowed:
        names = ", ".join(allowed)
        raise HttpRefusal(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "bad_method",
            f"Only {names} can be had here.",
            {"Allow": names},
        )
    return method


def _nothing_here() -> HttpRefusal:
    return HttpRefusal(HTTPStatus.NOT_FOUND, "not_found", "There is nothing here.")
