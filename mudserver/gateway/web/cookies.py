"""The cookie that keeps a browser logged in (RFC 6265)."""

from mudserver.gateway.web.policy import Site

#: How long a browser keeps the cookie, in seconds: as long as any token may live. When a token
#: really ends, the world decides.
COOKIE_SECONDS = 30 * 86_400

_ATTRIBUTES = "Path=/; HttpOnly; SameSite=Strict"


def cookie_name(site: Site) -> str:
    """
    Return the cookie's name.

    Browsers let nobody but this very host set one that begins with ``__Host-``, but only over
    HTTPS. Without it, the name tells apart the servers of one machine, whose cookies go to all
    of its ports.
    """
    return "__Host-mud" if site.scheme == "https" else f"mud-{site.port}"


def cookie(site: Site, token: str) -> str:
    """Return the header ``Set-Cookie`` that hands a token to the browser."""
    return _set_cookie(site, token, COOKIE_SECONDS)


def no_cookie(site: Site) -> str:
    """Return the header ``Set-Cookie`` that takes the token back."""
    return _set_cookie(site, "", 0)


def _set_cookie(site: Site, value: str, max_age: int) -> str:
    secure = "; Secure" if site.scheme == "https" else ""
    return f"{cookie_name(site)}={value}; {_ATTRIBUTES}; Max-Age={max_age}{secure}"
