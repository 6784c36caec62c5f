"""gradlew, with a server of this machine and a small Gradle that only reports.

The real distribution is never downloaded here.
"""

import contextlib
import hashlib
import http.server
import io
import os
import shutil
import subprocess
import sys
import threading
import zipfile

import pytest

from testing import checkout

_APP = checkout.ROOT / "apps/android"
_PROPERTIES = "gradle/wrapper/gradle-wrapper.properties"
_GRADLE = """#!/bin/sh
pwd
printf '<%s>' "$@"
exit 7
"""
# The programs of every POSIX system that the script calls.
_POSIX = ["cat", "chmod", "dirname", "mkdir", "mv", "rm", "sed", "sh", "tr"]


def _distribution(name="gradle-1.0/bin/gradle"):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, _GRADLE)
    return archive.getvalue()


class _Server:
    """Serves one distribution, and counts how often it was asked for it."""

    def __init__(self):
        self.content = _distribution()
        self.cut = 0  # So many bytes are missing at the end.
        self.status = 200
        self.requests = 0
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                owner.requests += 1
                self.send_response(owner.status)
                self.send_header("Content-Length", str(len(owner.content)))
                self.end_headers()
                end = len(owner.content) - owner.cut
                self.wfile.write(owner.content[:end])

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), Handler
        )
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        address = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://user:secret@{address}/gradle-1.0-bin.zip"
        self.shown = f"http://{address}/gradle-1.0-bin.zip"

    def close(self):
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()


@pytest.fixture
def server():
    with contextlib.closing(_Server()) as server:
        yield server


class _Project:
    """A copy of the project's wrapper, for a server's distribution."""

    def __init__(self, folder, server):
        self.folder = folder / "my project"
        self.home = folder / "gradle home"
        self._programs = folder / "programs"
        self._jdk = folder / "jdk"
        self._programs.mkdir()
        self.use(*_POSIX, "sha256sum", "curl")
        # Stands in for a JDK, which the tests of Python do not need.
        (self._jdk / "bin").mkdir(parents=True)
        self._script(self._jdk / "bin/java", "exit 0")
        self._script(
            self._jdk / "bin/jar",
            f'exec "{sys.executable}" -m zipfile -e "$2" .',
        )
        script = self.folder / "gradlew"
        properties = self.folder / _PROPERTIES
        properties.parent.mkdir(parents=True)
        shutil.copy(_APP / "gradlew", script)
        digest = hashlib.sha256(server.content).hexdigest()
        escaped = server.url.replace(":", "\\:")
        properties.write_text(
            "distributionPath=wrapper/dists\r\n"
            f"distributionSha256Sum={digest}\r\n"
            f"distributionUrl={escaped}\r\n"
        )
        self.properties = properties

    @staticmethod
    def _script(path, line):
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)

    def use(self, *names):
        for name in names:
            (self._programs / name).symlink_to(shutil.which(name))

    def remove(self, name):
        (self._programs / name).unlink()

    def run(self, *arguments, folder=None, **environment):
        variables = {
            "PATH": str(self._programs),
            "JAVA_HOME": str(self._jdk),
            "GRADLE_USER_HOME": str(self.home),
            **environment,
        }
        return subprocess.run(
            [self.folder / "gradlew", *arguments],
            cwd=folder or self.folder,
            env={key: value for key, value in variables.items() if value},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def assert_refuses(self, *parts, **environment):
        """Expects one line with these parts, no password, and no files."""
        run = self.run("build", **environment)
        assert run.returncode == 1
        lines = [
            line
            for line in run.stderr.splitlines()
            if not line.startswith("gradlew: downloading ")
        ]
        assert len(lines) == 1, run.stderr
        assert lines[0].startswith("gradlew: ")
        for part in parts:
            assert part in lines[0]
        assert "secret" not in run.stderr
        files = [path for path in self.home.rglob("*") if path.is_file()]
        assert run.stdout == ""
        assert files == []
        assert not list(self.home.rglob(".part*"))


@pytest.fixture
def project(tmp_path, server):
    return _Project(tmp_path, server)


def test_the_script_is_executable_and_the_real_sum_is_one():
    assert os.access(_APP / "gradlew", os.X_OK)
    properties = (_APP / _PROPERTIES).read_text(encoding="utf-8")
    lines = dict(line.split("=") for line in properties.splitlines())
    assert len(bytes.fromhex(lines["distributionSha256Sum"])) == 32


@pytest.mark.parametrize("unzip", [True, False])
def test_gradle_is_downloaded_once_and_gets_the_arguments(
    project, server, tmp_path, unzip
):
    if unzip and shutil.which("unzip"):
        project.use("unzip")
    folder = tmp_path / "another folder"
    folder.mkdir()
    arguments = ["-p", "a b", "", "$HOME", "it's", "*"]
    expected = f"{folder}\n" + "".join(f"<{value}>" for value in arguments)

    first = project.run(*arguments, folder=folder)
    assert (first.stdout, first.returncode) == (expected, 7)
    assert first.stderr == f"gradlew: downloading {server.shown}\n"

    server.close()
    offline = project.run(*arguments, folder=folder)
    assert (offline.stdout, offline.returncode) == (expected, 7)
    assert offline.stderr == ""
    assert server.requests == 1
    # The archive is not kept.
    files = [path for path in project.home.rglob("*") if path.is_file()]
    assert [path.name for path in files] == ["gradle"]
    assert not list(project.home.rglob(".part*"))


def test_another_distribution_with_the_same_name_is_downloaded_anew(
    project, server
):
    project.run()
    old = hashlib.sha256(server.content).hexdigest()
    server.content = _distribution("gradle-1.1/bin/gradle")
    new = hashlib.sha256(server.content).hexdigest()
    text = project.properties.read_text()
    project.properties.write_text(text.replace(old, new))
    assert project.run().returncode == 7
    assert server.requests == 2


def test_a_wrong_distribution_is_refused(project, server):
    server.content = _distribution("gradle-1.0/bin/other")
    wrong = hashlib.sha256(server.content).hexdigest()
    project.assert_refuses("must have the SHA-256", f"Received: {wrong}")


def test_a_distribution_without_gradle_is_refused(tmp_path, server):
    server.content = _distribution("gradle-1.0/bin/other")
    project = _Project(tmp_path, server)
    project.assert_refuses(server.shown, "contains no bin/gradle")


def test_a_cut_download_leaves_nothing_and_the_next_run_succeeds(
    project, server
):
    server.cut = 10
    project.assert_refuses(server.shown, "was not downloaded: ")
    server.cut = 0
    assert project.run().returncode == 7


def test_errors_of_the_server_and_the_network_are_one_line(project, server):
    server.status = 404
    project.assert_refuses(server.shown, "404")
    server.close()
    project.assert_refuses(server.shown, "was not downloaded: ")


def test_without_curl_it_takes_wget(project, server):
    project.remove("curl")
    project.assert_refuses("curl or wget is needed")
    if not shutil.which("wget"):
        return
    project.use("wget")
    server.status = 404
    project.assert_refuses("ERROR 404")
    server.status = 200
    server.cut = 10
    project.assert_refuses("was not downloaded: ")
    server.cut = 0
    assert project.run().returncode == 7


def test_what_is_missing_is_named(project, tmp_path):
    project.assert_refuses("There is no Java", JAVA_HOME="")
    project.assert_refuses(
        "JAVA_HOME must be the folder of a JDK. Received: /none",
        JAVA_HOME="/none",
    )
    file = tmp_path / "file"
    file.touch()
    project.assert_refuses(
        "cannot be written", GRADLE_USER_HOME=str(file / "home")
    )
    project.remove("sha256sum")
    project.assert_refuses("sha256sum or shasum is needed")
    project.properties.write_text("distributionUrl=http\\://a/gradle.zip\n")
    project.assert_refuses('must have a line "distributionSha256Sum=..."')
    project.properties.unlink()
    project.assert_refuses("There is no ", "gradle-wrapper.properties")
