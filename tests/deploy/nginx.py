"""nginx in front of two nodes, for tests: the example's own file, with other names, ports and paths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.deploy.nodes import DEPLOY, require_proxy
from tests.processes import ROOT, free_port, running, wait_for_port

__all__ = ["Nginx", "started"]

CERTIFICATE = ROOT / "tests" / "certificates" / "server.pem"
MAIN = """
{user}
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/start.log warn;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    access_log off;
    include {folder}/voyant-cloud.conf;
    server {{
        listen 127.0.0.1:{console};
        {snippet}
    }}
}}
"""


@attrs.frozen
class Nginx:
    """Where it answers, and where it writes.

    Attributes:
        url: the example's server, without TLS, so that the SDK needs no certificate of its own.
        tls_url: the same with TLS.
        console_url: a server with nothing but the docs' snippet for the console.
        logs: the folder of its logs.
    """

    url: str
    tls_url: str
    console_url: str
    logs: Path

    def logged(self) -> str:
        """Return all that it logged, of requests and of errors."""
        return "".join(path.read_text() for path in self.logs.glob("*.log"))


@contextmanager
def started(folder: Path, nodes: list[str], console: str, read_timeout: str) -> Iterator[Nginx]:
    """Run nginx; see ``require_proxy`` for where there is none.

    Args:
        folder: for its files.
        nodes: host and port of both nodes.
        console: host and port of the node behind the docs' snippet for the console.
        read_timeout: in place of the example's, in nginx's own notation.
    """
    program = require_proxy("nginx", "nginx-light")
    plain, tls, third = free_port(), free_port(), free_port()
    replaced = {
        "listen 443 ssl;": f"listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl;",
        "node-1:8787": nodes[0],
        "node-2:8787": nodes[1],
        "/etc/nginx/tls/realtime.crt": str(CERTIFICATE),
        "/etc/nginx/tls/realtime.key": str(CERTIFICATE),
        "/var/log/nginx": str(folder),
        "proxy_read_timeout 75s;": f"proxy_read_timeout {read_timeout};",
    }
    text = (DEPLOY / "nginx.conf").read_text()
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "voyant-cloud.conf").write_text(text)
    snippet = (ROOT / "docs" / "console.md").read_text().partition("```nginx\n")[2].partition("```")[0]
    assert "127.0.0.1:8787" in snippet
    snippet = snippet.replace("127.0.0.1:8787", console)
    # Started by root, its workers would be somebody else, who may not write here.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder, console=third, snippet=snippet))
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "start.log")]
    with running(command, os.environ, folder / "output.log") as process:
        wait_for_port(plain)
        urls = [f"http://127.0.0.1:{plain}", f"https://127.0.0.1:{tls}", f"http://127.0.0.1:{third}"]
        yield Nginx(*urls, logs=folder)
        # Its worker would outlive a master that is killed.
        process.terminate()
        process.wait(30)
