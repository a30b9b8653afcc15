"""A small HTTP/1.1 server on plain sockets: keep-alive and a thread per connection.

Belongs here: listening, connections, their end. Does not belong here: parsing
(``http_request``), sending (``http_delivery``), what is answered. The standard library's server is
not used because it hides the socket that faults need.
"""

import socket
import threading
import time
from collections.abc import Callable

from simulator.answers import Answer
from simulator.http_delivery import OutgoingAnswer, shut
from simulator.http_request import BadRequestError, Request, RequestReader

Handler = Callable[[Request], tuple[Answer, Callable[[bool], None]]]


class HttpServer:
    """Listens on one address; after ``stop`` nobody answers, ``start`` opens the same port."""

    def __init__(
        self,
        host: str,
        port: int,
        handler: Handler,
        *,
        keep_alive_s: float,
        requests_per_connection: int | None,
        compress: bool,
    ) -> None:
        """``handler`` gives an answer and is told afterwards whether all of it was sent."""
        self.host = host
        self.port = port
        self._handler = handler
        self._keep_alive_s = keep_alive_s
        self._most_requests = requests_per_connection
        self._compress = compress
        self._listener: socket.socket | None = None
        self._threads: set[threading.Thread] = set()
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether connections are accepted."""
        return self._listener is not None

    def start(self) -> None:
        """Begins to listen. Raises ``OSError`` when the address cannot be had."""
        if self._listener is not None:
            return
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.host, self.port))
            listener.listen(256)
            # Not every system wakes a waiting accept when its socket is closed.
            listener.settimeout(0.5)
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._spawn(self._accept, listener)

    def stop(self) -> None:
        """Stops listening and cuts every connection; waits for the threads, at most 5 s."""
        with self._lock:
            listener, self._listener = self._listener, None
            connections = list(self._connections)
            threads = list(self._threads)
        if listener is None:
            return
        for connection in (listener, *connections):
            shut(connection)
        listener.close()
        deadline = time.monotonic() + 5
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(deadline - time.monotonic(), 0))

    def _spawn(self, target: Callable[[socket.socket], None], argument: socket.socket) -> None:
        def run() -> None:
            try:
                target(argument)
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, daemon=True, name="simulator")
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while self._listener is listener:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                if self._listener is listener:
                    time.sleep(0.05)  # out of file descriptors, which may pass
                continue
            with self._lock:
                if self._listener is not listener:
                    connection.close()
                    return
                self._connections.add(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._converse(connection)
        except OSError:
            return  # the client went away, or stop cut the connection
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _converse(self, connection: socket.socket) -> None:
        reader = RequestReader(connection, self._keep_alive_s)
        served = 0
        while True:
            try:
                request = reader.request()
            except BadRequestError as error:
                body = f'{{"message":"{error}"}}'.encode()
                OutgoingAnswer(connection, Answer(400, body), False, False, False).run()
                return
            if request is None:
                return
            served += 1
            last = served == self._most_requests or not request.keeps_alive
            answer, delivered = self._handler(request)
            delivery = OutgoingAnswer(
                connection,
                answer,
                not last,
                request.method == "HEAD",
                request.accepts_gzip and self._compress,
            )
            whole = False
            try:
                whole = delivery.run()
            finally:
                delivered(whole)
            if last or not whole:
                return
