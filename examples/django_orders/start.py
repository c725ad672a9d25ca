"""Starts the demonstration: the embedded service, the database, Django's server. Ctrl-C stops all of it.

python start.py [--port PORT]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
BUNDLE = HERE / "orders/static/orders/bundle.js"
MANAGE = [sys.executable, str(HERE / "manage.py")]
SERVE = [sys.executable, "-m", "voyant_cloud", "serve", "--json", "--no-access-log", "--drain-seconds", "0"]
PATIENCE = 10.0


def main(port: int) -> int:
    """Run until Ctrl-C or SIGTERM, or until one of the two servers ends."""
    if not BUNDLE.exists():
        print("The page's script is not built yet; run: npm ci && npm run build", file=sys.stderr)
        return 2
    data = Path(os.environ.get("ORDERS_DATA") or HERE / "data")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    port = take(port)
    address = f"http://127.0.0.1:{port}"
    serve = [*SERVE, "--port", "0", "--data", str(data / "voyant.sqlite3"), "--allow-origin", address]
    with running(serve, os.environ, stdout=subprocess.PIPE) as service:
        greeting = service.stdout.readline() if service.stdout else b""
        if not greeting:
            return 1
        found = json.loads(greeting)
        env = {**os.environ, "VOYANT_CLOUD_API_URL": found["url"], "VOYANT_CLOUD_API_KEY": found["apiKey"]}
        subprocess.run([*MANAGE, "prepare_demo"], env=env, check=True, start_new_session=True)
        with running([*MANAGE, "runserver", "--noreload", str(port)], env, stdout=subprocess.DEVNULL) as site:
            wait_for(port, site)
            print(f"Open {address} in two windows, as alice and as bob; Ctrl-C ends it.", flush=True)
            while service.poll() is None and site.poll() is None:
                time.sleep(0.2)
    return 1


@contextmanager
def running(command: list[str], env: Any, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block; in a session of its own, so that Ctrl-C reaches this process alone."""
    process = subprocess.Popen(command, env=env, cwd=HERE, start_new_session=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(port: int, site: subprocess.Popen[bytes]) -> None:
    """Wait until the site can be opened, or has ended."""
    while site.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


def take(port: int) -> int:
    """Return the port if nothing listens on it; for 0 any such port.

    Raises:
        OSError: it is taken.
    """
    with socket.create_server(("127.0.0.1", port)) as listener:
        return int(listener.getsockname()[1])


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
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"start.py: {error}")
