"""The other files of examples/deploy: each is what its reader takes, and what it runs outside a container, runs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml

from tests.deploy.nodes import DEPLOY
from tests.e2e.executable import environment
from tests.notified import listening
from tests.processes import free_port, running, wait_for_port
from tests.redis_server import require_redis, running_redis
from tests.waiting import until
from voyant_cloud.cli.main import run_command
from voyant_cloud.server.secret_file import create_key_ring

INSTALLED = "/opt/voyant-cloud/bin/voyant-cloud"
ETC = Path("/etc/voyant-cloud")


def test_unit() -> None:
    """There is time for a drain, and there are descriptors for every connection."""
    # A unit may have the same key more than once.
    unit = ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(DEPLOY / "voyant-cloud.service")
    service = unit["Service"]
    assert int(service["TimeoutStopSec"]) > 30
    assert int(service["LimitNOFILE"]) > 20_000
    # A reload is held back until the server has said that it serves.
    assert service["Type"] == "notify"


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """It says nothing against any line."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("There is no systemd-analyze; on Debian: apt-get install systemd")
    unit = tmp_path / "voyant-cloud.service"
    unit.write_text((DEPLOY / unit.name).read_text().replace(INSTALLED, "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_commands_of_the_unit(tmp_path: Path) -> None:
    """The check before the start, the start, what systemd is told, the container's look, a reload, and the stop."""
    file, port = configured(tmp_path)
    [check], [start] = commands("ExecStartPre"), commands("ExecStart")
    checked_again, reload = commands("ExecReload")
    assert check == checked_again == f"{start} --check-config --quiet"
    with running_redis(tmp_path) as redis, listening(f"\0{tmp_path}") as systemd:
        env = environment("", "", VOYANT_SERVER_ENGINE=redis.url, NOTIFY_SOCKET=f"@{tmp_path}")
        start = start.replace(INSTALLED, f"{sys.executable} -m voyant_cloud").replace(str(ETC / file.name), str(file))
        assert subprocess.run([*start.split(), *check.split()[-2:]], env=env, timeout=50, check=False).returncode == 0
        log = tmp_path / "log"
        with running(start.split(), env, log) as process:
            # All that is waited for: what it is said to do from then on, it must do.
            assert systemd.recv(100) == b"READY=1"
            subprocess.run(health_check(port), timeout=20, check=True)
            file.write_text(file.read_text().replace('"]', '", "vck_another-0123456789"]'))
            subprocess.run(reload.replace("$MAINPID", str(process.pid)).split(), timeout=20, check=True)
            until(lambda: "the configuration was read again" in log.read_text())
            process.terminate()
            assert process.wait(30) == 0
    objects = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    [told] = [each for each in objects if each["logger"] == "voyant_cloud.server"]
    assert told["message"].endswith("api_keys: 1 added, 2 now")
    assert [each["path"] for each in objects if "path" in each] == ["/readyz"]


def test_compose_and_containerfile() -> None:
    """All that is named is there, and instructions stand in an order that works."""
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for name in ("node-1", "node-2"):
        assert compose["services"][name]["stop_grace_period"] == "35s"
        assert set(compose["services"][name]["secrets"]) == set(compose["secrets"])
    lines = [line for line in (DEPLOY / "Containerfile").read_text().splitlines() if not line.startswith("#")]
    order = ["FROM", "RUN", "COPY", "RUN", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "CMD"]
    assert [line.split()[0] for line in lines] == order
    command = json.loads(lines[-1].removeprefix("CMD "))
    assert command == ["voyant-cloud", "serve", "--host", "0.0.0.0", "--port", "8787"]


def test_command_of_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With what compose says besides, the container's command comes to a server that could be started."""
    configured(tmp_path)
    node = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["node-1"]
    for name, text in node["environment"].items():
        assert Path(text).name in node["secrets"]
        monkeypatch.setenv(name, str(tmp_path / Path(text).name))
    command = json.loads((DEPLOY / "Containerfile").read_text().splitlines()[-1].removeprefix("CMD "))
    assert run_command([*command[1:], "--check-config", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["host"] == {"value": "0.0.0.0", "origin": "flag"}
    assert told["engine"] == {"value": "redis://redis:6379/0", "origin": str(tmp_path / "voyant-cloud.toml")}
    assert told["secret_file"] == {"value": str(tmp_path / "signing-keys"), "origin": "VOYANT_SERVER_SECRET_FILE"}


def test_redis_command(tmp_path: Path) -> None:
    """Redis takes the flags, and is well by the words of its health check."""
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["redis"]
    command, [kind, *test] = service["command"], service["healthcheck"]["test"]
    require_redis()
    port = free_port()
    with running([*command, "--port", str(port), "--dir", str(tmp_path)], {}, tmp_path / "log"):
        wait_for_port(port)
        # It answers before it has made its folder.
        until((tmp_path / "appendonlydir").is_dir)
        assert kind == "CMD"
        answer = subprocess.run([test[0], "-p", str(port), *test[1:]], capture_output=True, timeout=20, check=True)
        assert answer.stdout == b"PONG\n"


def configured(folder: Path) -> tuple[Path, int]:
    """Put the example's file into a folder, with signing keys and a free port; return the file and the port."""
    create_key_ring(folder / "signing-keys")
    file, port = folder / "voyant-cloud.toml", free_port()
    text = (DEPLOY / file.name).read_text()
    for old, new in (
        ('"0.0.0.0"', '"127.0.0.1"'),
        ("8787", str(port)),
        (str(ETC / "signing-keys"), f"{folder}/signing-keys"),
    ):
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    file.chmod(0o600)
    return file, port


def commands(key: str) -> list[str]:
    """Return what the unit runs at that point."""
    return re.findall(rf"^{key}=(.*)$", (DEPLOY / "voyant-cloud.service").read_text(), re.MULTILINE)


def health_check(port: int) -> list[str]:
    """Return how the container looks whether it is well, at another port and with this Python."""
    text = re.findall(r"^HEALTHCHECK .* CMD (.*)$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)[0]
    _, *rest = json.loads(text.replace("8787", str(port)))
    return [sys.executable, *rest]
