"""HTTP/1.1 POST over asyncio, with connections that are used again, and limits on all that comes back.

It speaks as much of RFC 9112 as a JSON interface needs: bodies by length, in chunks, or up to the end of the
connection. It follows no redirect, uses no proxy and keeps no cookie, so a key given for one host is never
sent to another. Bytes from the server are held against limits before they are kept.
"""

import asyncio
import contextlib
import ipaddress
import re
import ssl
import time
import weakref
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_MAX_HEAD_BYTES = 64 * 2**10
_IDLE_SECONDS = 4.0
"""Common servers close a connection after 5 idle seconds; one about to be closed is not used again."""
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class ProtocolError(ValueError):
    """What came is not HTTP/1.1 as this client understands it."""


class BodyTooLargeError(ValueError):
    """The body is longer than allowed."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: its status, headers by names in lower case, and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect, and the path in front of all others.

    Attributes:
        secure: whether the connection is encrypted.
        host: name or number, without brackets.
        port: 1 to 65535.
        prefix: begins with a slash, unless empty, and does not end with one.
    """

    secure: bool
    host: str
    port: int
    prefix: str

    @classmethod
    def parse(cls, base_url: str) -> "Address":
        """Take a URL apart.

        Raises:
            ValueError: It is not http or https, has no host, holds a user, a query or a fragment (where keys
                are put by mistake, and then printed), or characters that no URL has. The message repeats
                nothing of it but the host.
        """
        # `urlsplit` drops some control characters silently.
        if not base_url.isascii() or any(ord(c) <= 32 or ord(c) == 127 for c in base_url):
            raise ValueError("base_url must be ASCII without spaces and control characters")
        try:
            parts = urlsplit(base_url)
            port = parts.port
        except ValueError:
            raise ValueError("base_url has a host or a port that is none") from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise ValueError("base_url must be like https://host/v1")
        if "@" in parts.netloc or "?" in base_url or "#" in base_url:
            raise ValueError(f"base_url must hold no user, query or fragment; that for {parts.hostname} does")
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, port or (443 if secure else 80), parts.path.rstrip("/"))

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent stays on this machine."""
        with contextlib.suppress(ValueError):  # not every name that begins with 127 is a number
            return ipaddress.ip_address(self.host).is_loopback
        return self.host == "localhost"

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL it was parsed from, in one form."""
        return f"{'https' if self.secure else 'http'}://{self.authority}{self.prefix}"


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    idle_since: float = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether the server is likely to take another request on it."""
        recent = time.monotonic() - self.idle_since < _IDLE_SECONDS
        return recent and not self.writer.is_closing() and not self._has_more()

    def _has_more(self) -> bool:
        """Whether the server closed it, or sent what would pass for the answer to the next request."""
        look = self.reader.read(1)
        try:
            look.send(None)  # it waits only where nothing has come
        except StopIteration:
            return True
        except OSError:
            return True
        look.close()
        return False


class _Idle:
    """Connections of one event loop that wait for the next request; they close when the loop ends."""

    def __init__(self) -> None:
        self.connections: list[_Connection] = []
        self._end = self._close_at_end()

    async def open(self) -> None:
        await anext(self._end)

    async def _close_at_end(self) -> AsyncGenerator[None, None]:
        # `asyncio.run` closes generators that were begun: the one moment at which a loop tells that it ends.
        try:
            yield
        finally:
            for connection in self.connections:
                connection.writer.transport.abort()
            self.connections.clear()
            del self._end  # it knows the loop, and would keep it for as long as the client lives


class Client:
    """Posts to one address; may be used from several event loops and threads.

    Args:
        address: where to.
        max_body_bytes: the longest body taken.
        ssl_context: what to trust, or None for what the system trusts.
    """

    def __init__(
        self, address: Address, *, max_body_bytes: int, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self.address = address
        self._max_body_bytes = max_body_bytes
        self._ssl = (ssl_context or ssl.create_default_context()) if address.secure else None
        self._idle: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Idle] = weakref.WeakKeyDictionary()

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Send one request and read the whole answer.

        Nothing is tried twice: after a failure nobody knows whether the server did (and billed) the work.

        Raises:
            OSError: The connection failed or broke.
            EOFError: The server closed it early.
            ProtocolError: What came is not HTTP/1.1.
            BodyTooLargeError: The body is too long.
        """
        lines = [f"POST {self.address.prefix}{path} HTTP/1.1", f"Host: {self.address.authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "\r\n"]
        idle = await self._waiting()
        connection = await self._connect(idle)
        keep = False
        try:
            connection.writer.write("\r\n".join(lines).encode("ascii") + body)
            await connection.writer.drain()
            response, keep = await _read_response(connection.reader, self._max_body_bytes)
        finally:
            if keep:
                connection.idle_since = time.monotonic()
                idle.connections.append(connection)
            else:
                connection.writer.transport.abort()
        return response

    async def _waiting(self) -> _Idle:
        loop = asyncio.get_running_loop()
        idle = self._idle.get(loop)
        if idle is None:
            idle = self._idle[loop] = _Idle()
            await idle.open()
        return idle

    async def _connect(self, idle: _Idle) -> _Connection:
        while idle.connections:
            connection = idle.connections.pop()
            if connection.is_fresh:
                return connection
            connection.writer.transport.abort()
        try:
            reader, writer = await asyncio.open_connection(
                self.address.host, self.address.port, ssl=self._ssl, limit=_MAX_HEAD_BYTES
            )
        except UnicodeError as error:  # a host that is no name
            raise OSError(f"{self.address.host!r} is no host") from error
        return _Connection(reader, writer)


async def _read_response(reader: asyncio.StreamReader, max_body_bytes: int) -> tuple[Response, bool]:
    """The answer, and whether the connection can be used again."""
    while True:
        version, status = await _read_status(reader)
        headers = await _read_headers(reader)
        if status >= 200:
            break  # what comes before is interim
    encodings = headers.get("transfer-encoding", "").lower()
    length = headers.get("content-length")
    keep = version == b"HTTP/1.1" and "close" not in headers.get("connection", "").lower()
    if status in (204, 304):
        body = b""
    elif encodings == "chunked":
        body = await _read_chunks(reader, max_body_bytes)
    elif encodings:
        raise ProtocolError("the transfer encoding is not known")
    elif length is not None:
        if not length.isascii() or not length.isdigit() or len(length) > 18:
            raise ProtocolError("the content length is no number")
        if int(length) > max_body_bytes:
            raise BodyTooLargeError(f"the body has {int(length):,} bytes, allowed are {max_body_bytes:,}")
        body = await reader.readexactly(int(length))
    else:
        keep = False
        body = await _read_to_end(reader, max_body_bytes)
    return Response(status, headers, body), keep


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise ProtocolError("a line is too long") from error
    return line.rstrip(b"\r\n")


async def _read_status(reader: asyncio.StreamReader) -> tuple[bytes, int]:
    version, _, rest = (await _read_line(reader)).partition(b" ")
    if version not in (b"HTTP/1.0", b"HTTP/1.1") or not re.match(rb"[1-9]\d\d(?!\d)", rest):
        raise ProtocolError("the answer does not begin with an HTTP status")
    return version, int(rest[:3])


async def _read_headers(reader: asyncio.StreamReader) -> dict[str, str]:
    headers: dict[str, str] = {}
    left = _MAX_HEAD_BYTES
    while line := await _read_line(reader):
        left -= len(line)
        name, colon, value = line.partition(b":")
        if left < 0 or not colon or not _TOKEN.fullmatch(name):
            raise ProtocolError("the headers are malformed or too long")
        key = name.decode("ascii").lower()
        if key in ("content-length", "transfer-encoding") and key in headers:
            raise ProtocolError(f"{key} comes twice")
        headers[key] = value.strip().decode("latin-1")
    return headers


async def _read_chunks(reader: asyncio.StreamReader, max_body_bytes: int) -> bytes:
    body = bytearray()
    while True:
        size = (await _read_line(reader)).split(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
            raise ProtocolError("the size of a chunk is no number")
        count = int(size, 16)
        if len(body) + count > max_body_bytes:
            raise BodyTooLargeError(f"the body has more than {max_body_bytes:,} bytes")
        if not count:
            await _read_headers(reader)  # trailers
            return bytes(body)
        body += await reader.readexactly(count)
        if await _read_line(reader):
            raise ProtocolError("a chunk is longer than its size")


async def _read_to_end(reader: asyncio.StreamReader, max_body_bytes: int) -> bytes:
    body = bytearray()
    while part := await reader.read(64 * 2**10):
        body += part
        if len(body) > max_body_bytes:
            raise BodyTooLargeError(f"the body has more than {max_body_bytes:,} bytes")
    return bytes(body)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a server asks to wait, from Retry-After in either form, or None.

    Args:
        headers: by names in lower case.
        now: seconds since the epoch, against which a date is held.
    """
    from email.utils import parsedate_to_datetime  # it loads half of the mail library

    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
            return float(value) * unit
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - now)
    return None
