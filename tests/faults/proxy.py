"""A proxy that misbehaves before a real MLflow server: answers late, wrongly, by half or not at all."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ERROR = b'{"error_code": "INTERNAL_ERROR", "message": "by the proxy"}'

Fault = str | None  # a name of FAULTS, "slow", or none


class Proxy:
    """Passes requests on to a port of this machine, but for those that ``fault`` says something of.

    Args:
        port: of the server.
        fault: path of a request -> how it is to go wrong.

    Attributes:
        requests: the paths of all that came.
    """

    def __init__(self, port: int, fault: Callable[[str], Fault]):
        self.requests: list[str] = []
        self._fault = fault
        handler = type("Handler", (_Handler,), {"port_behind": port, "fault_of": staticmethod(self._fault_of)})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def behave(self) -> None:
        """From now on it passes everything on."""
        self._fault = lambda path: None

    def _fault_of(self, path: str) -> Fault:
        self.requests.append(path)
        return self._fault(path)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.fault_of(self.path)
        if fault == "request lost":
            return self._cut()
        if fault == "never answers":
            time.sleep(60)
            return self._cut()
        if fault in ("500", "401", "429"):
            return self._answer(int(fault), ERROR)
        if fault == "empty 200":
            return self._answer(200, b"{}")
        if fault == "a login page":
            return self._answer(200, b"<html>Please log in</html>")
        if fault == "slow":
            time.sleep(1)
        behind = http.client.HTTPConnection("127.0.0.1", self.port_behind, timeout=60)
        headers = {key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection")}
        behind.request(self.command, self.path, body, headers | {"Host": f"127.0.0.1:{self.port_behind}"})
        answer = behind.getresponse()
        content = answer.read()
        if fault == "answer lost":
            return self._cut()
        if fault == "done, but 500":
            return self._answer(500, ERROR)
        if fault == "half an answer":
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content) + 1}\r\n\r\n"
            self.wfile.write(head.encode() + content[: len(content) // 2])
            self.wfile.flush()
            return self._cut()
        self._answer(answer.status, content, answer.getheader("Content-Type", "application/json"))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _any

    def _answer(self, status: int, content: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _cut(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True
