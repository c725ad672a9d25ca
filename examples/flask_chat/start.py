"""Starts the demonstration: the embedded service in a process, Flask in this one. Ctrl-C stops both.

python start.py [--port PORT]
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from werkzeug.serving import BaseWSGIServer, make_server

from chat import create_app

HERE = Path(__file__).resolve().parent
BUNDLE = HERE / "chat/static/bundle.js"
SERVE = [sys.executable, "-m", "voyant_cloud", "serve", "--json", "--no-access-log", "--drain-seconds", "0"]
PATIENCE = 10.0


def main(port: int) -> int:
    """Run until Ctrl-C or SIGTERM, or until the service ends."""
    if not BUNDLE.exists():
        print("The page's script is not built yet; run: npm ci && npm run build", file=sys.stderr)
        return 2
    data = Path(os.environ.get("CHAT_DATA") or HERE / "data")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", port)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        options = ["--port", "0", "--data", str(data / "voyant.sqlite3"), "--allow-origin", address]
        with service(options) as (process, found):
            app = create_app(
                SECRET_KEY=secret_key(data / "secret-key"),
                VOYANT_CLOUD_API_URL=found["url"],
                VOYANT_CLOUD_API_KEY=found["apiKey"],
            )
            logging.getLogger("werkzeug").setLevel(logging.WARNING)
            server = make_server("127.0.0.1", 0, app, threaded=True, fd=listener.fileno())
            threading.Thread(target=end_with, args=(process, server), daemon=True).start()
            print(f"Open {address} in two browsers, or one of them in private; Ctrl-C ends it.", flush=True)
            # It takes Ctrl-C for its end, and returns.
            server.serve_forever()
            return 0 if process.poll() is None else 1


@contextmanager
def service(options: list[str]) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The service, and what it says of itself; in a session of its own, so that Ctrl-C reaches this process alone."""
    process = subprocess.Popen([*SERVE, *options], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        greeting = process.stdout.readline() if process.stdout else ""
        if not greeting:
            sys.exit(1)
        yield process, json.loads(greeting)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def end_with(process: subprocess.Popen[str], server: BaseWSGIServer) -> None:
    """End Flask's server when the service has ended."""
    process.wait()
    server.shutdown()


def secret_key(path: Path) -> str:
    """Return what signs the sessions, the same at each start, so that people keep their names."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text()


def stop(*_: Any) -> None:
    """End as Ctrl-C does. Once is enough: a second one would leave a server behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="the page's port; a free one by default")
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        sys.exit(main(parser.parse_args().port))
    except KeyboardInterrupt:
        sys.exit(0)
    except OSError as error:
        sys.exit(f"start.py: {error}")
