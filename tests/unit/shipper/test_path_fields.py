"""Fields from paths: the presets, and what Docker keeps beside a log."""

import json
import os
from pathlib import Path

import pytest

from logbus.errors import UsageError
from shipper.path_fields import check, path_fields

UID = "4e3a7c52-8a0b-4a5f-9f10-2d3f1c0f9a11"
ID = "0123456789ab" + "c" * 52


POD = {"namespace": "shop", "pod": "web-7d4b-x2", "container": "nginx"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f"/var/log/pods/shop_web-7d4b-x2_{UID}/nginx/0.log", {"pod_uid": UID}),
        (f"/var/log/pods/shop_web-7d4b-x2_{UID}/nginx/0.log.20261124-101112.gz", {"pod_uid": UID}),
        (f"/var/log/containers/web-7d4b-x2_shop_nginx-{ID}.log", {"container_id": "0123456789ab"}),
    ],
)
def test_the_kubelet_names_pods_in_paths(path: str, found: dict[str, str]) -> None:
    """Either folder tells namespace, pod and container, also of a rotated file."""
    assert path_fields("kubernetes", path, {}) == POD | found


@pytest.mark.parametrize("path", ["/var/log/syslog", "/var/log/pods/x/y/0.log", f"/var/log/containers/x-{ID}.log"])
def test_other_paths_tell_nothing(path: str) -> None:
    """A path of another kind has the input's own fields, and no wrong ones."""
    assert path_fields("kubernetes", path, {"site": "a"}) == {"site": "a"}


def container(root: Path, told: object) -> str:
    """Make the folder of a container, with what Docker keeps there; return the path of its log."""
    folder = root / "containers" / ID
    folder.mkdir(parents=True)
    (folder / "config.v2.json").write_text(told if isinstance(told, str) else json.dumps(told))
    return str(folder / f"{ID}-json.log")


def test_docker_names_containers_beside_their_logs(tmp_path: Path) -> None:
    """The container's name, without its slash, and its image; the input's own fields come first."""
    path = container(tmp_path, {"ID": ID, "Name": "/web", "Config": {"Image": "nginx:1.27", "Labels": {}}})
    expected = {"container_id": "0123456789ab", "container": "web", "image": "nginx:1.27"}
    assert path_fields("docker", path, {}) == expected
    assert path_fields("docker", f"{path}.1", {"image": "mine"}) == expected | {"image": "mine"}


LONG = '{"Name":"' + "x" * 2_000_000 + '"}'


@pytest.mark.parametrize("told", ["", "{", "[]", "[" * 100_000, '{"Name":1}', '{"Config":[]}', LONG, "\0\xff"])
def test_an_odd_file_of_dockers_tells_nothing(tmp_path: Path, told: str) -> None:
    """S9: whatever it holds, however much."""
    assert path_fields("docker", container(tmp_path, told), {}) == {"container_id": "0123456789ab"}


def test_what_is_no_file_of_dockers_is_not_read(tmp_path: Path) -> None:
    """S3: a link may lead to what its owner may not read."""
    path = container(tmp_path, {"Name": "/web"})
    config = tmp_path / "containers" / ID / "config.v2.json"
    config.rename(tmp_path / "elsewhere")
    config.symlink_to(tmp_path / "elsewhere")
    assert "container" not in path_fields("docker", path, {})


def test_a_pipe_in_the_place_of_dockers_file_does_not_block(tmp_path: Path) -> None:
    """S3: nobody ever writes to it."""
    path = container(tmp_path, {})
    config = tmp_path / "containers" / ID / "config.v2.json"
    config.unlink()
    os.mkfifo(config)
    assert path_fields("docker", path, {}) == {"container_id": "0123456789ab"}


def test_names_that_do_not_fit_are_left_out(tmp_path: Path) -> None:
    """A name is a field: all fields together stay within what headers hold."""
    path = container(tmp_path, {"Name": "/" + "x" * 20_000, "Config": {"Image": "\ud800"}})
    assert path_fields("docker", path, {}) == {"container_id": "0123456789ab"}


def test_a_word_that_is_no_preset_is_a_pattern_without_groups() -> None:
    """The error names the presets."""
    check("docker")
    check("(?P<a>x)")
    with pytest.raises(UsageError, match="or one of kubernetes, docker"):
        check("kubernets")
