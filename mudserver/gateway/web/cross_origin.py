"""What browsers must be told before a page of another origin may use the API (CORS: Fetch §3.3)."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from mudserver.gateway.web.answer import Answer

#: Seconds for which a browser needn't ask again what it may send.
PREFLIGHT_SECONDS = 600

#: What the API reads of a request that a page may not set without asking.
_REQUEST_HEADERS = "Authorization, Content-Type, X-CSRF-Token"

#: What it says in headers that a page may not read without our word.
_ANSWER_HEADERS = "Retry-After"


def sharing(page: str) -> Mapping[str, str]:
    """
    Return the headers by which a browser knows whose page may read an answer of the API.

    Args:
        page: The origin of a page that may, as the browser says it; empty where none asks.
    """
    if not page:
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": page,
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Expose-Headers": _ANSWER_HEADERS,
    }


def preflight(methods: Iterable[str]) -> Answer:
    """
    Make the answer that tells a browser what a page may send.

    Args:
        methods: What there is at that path.
    """
    return Answer(
        HTTPStatus.NO_CONTENT,
        headers={
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
            "Cache-Control": "no-store",
        },
    )
