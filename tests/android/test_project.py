"""The Gradle project of the Android app: what can be tested without Gradle.

`.ci/android` compiles and runs the Kotlin code.
"""

import importlib
import re
import sys
import xml.etree.ElementTree

from testing import checkout
from tsm_cli.vectors.vectors_file import TOLERANCES
from tsm_keras.version import __version__

# Python 3.10 has none; pytest brings its ancestor there.
tomllib = importlib.import_module(
    "tomllib" if sys.version_info >= (3, 11) else "tomli"
)

_APP = checkout.ROOT / "apps/android"
_ANDROID = "{http://schemas.android.com/apk/res/android}"
_TOOLS = "{http://schemas.android.com/tools}"
_PAGE = checkout.ROOT / "docs/android.md"


def _text(path):
    return (_APP / path).read_text(encoding="utf-8")


def _catalog():
    return tomllib.loads(_text("gradle/libs.versions.toml"))


def _build_files():
    return [
        path.read_text(encoding="utf-8")
        for path in (
            _APP / "build.gradle.kts",
            _APP / "app/build.gradle.kts",
            _APP / "core/build.gradle.kts",
        )
    ]


def test_every_version_of_the_catalog_is_used_and_every_reference_exists():
    catalog = _catalog()
    named = [
        entry["version"]["ref"]
        for part in ("libraries", "plugins")
        for entry in catalog[part].values()
    ]
    read = re.findall(r"libs\.versions\.(\w+)", "".join(_build_files()))
    assert {*named, *read} == set(catalog["versions"])


def test_every_dependency_is_named_once_and_comes_from_the_catalog():
    catalog = _catalog()
    text = "".join(_build_files())
    used = re.findall(r"[iI]mplementation\(libs\.([\w.]+)\)", text)
    aliases = {name.replace("-", ".") for name in catalog["libraries"]}
    assert sorted(used) == sorted(aliases)
    plugins = set(re.findall(r"alias\(libs\.plugins\.([\w.]+)\)", text))
    assert plugins == {name.replace("-", ".") for name in catalog["plugins"]}
    modules = [(e["group"], e["name"]) for e in catalog["libraries"].values()]
    assert len(set(modules)) == len(modules)
    assert not re.findall(r'mplementation\("', text)


def test_the_page_names_the_versions_of_the_catalog():
    versions = _catalog()["versions"]
    wrapper = _text("gradle/wrapper/gradle-wrapper.properties")
    gradle = re.search(r"gradle-([\d.]+)-bin", wrapper).group(1)
    expected = {
        "Android Gradle plugin": versions["agp"],
        "Gradle": gradle,
        "Kotlin": versions["kotlin"],
        "LiteRT": versions["litert"],
        "compileSdk": versions["compileSdk"],
        "minSdk": versions["minSdk"],
    }
    page = _PAGE.read_text(encoding="utf-8")
    found = dict(
        re.findall(r"^\| ([\w ]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    )
    assert found == expected


def test_ci_compiles_with_the_same_kotlin_and_runtime():
    versions = _catalog()["versions"]
    script = (checkout.ROOT / ".ci/android").read_text(encoding="utf-8")
    assert f"kotlin_version={versions['kotlin']}\n" in script
    lock = (checkout.ROOT / "requirements_lock.txt").read_text(encoding="utf-8")
    assert f"ai-edge-litert=={versions['litert']}" in lock
    readme = _text("ci/README.md")
    assert f"LiteRT {versions['litert']}" in readme


def test_the_app_has_the_version_of_the_project():
    assert f'versionName = "{__version__}"' in _text("app/build.gradle.kts")


def test_modules_of_the_settings_exist():
    settings = _text("settings.gradle.kts")
    modules = re.search(r"include\((.*)\)", settings).group(1)
    names = re.findall(r'":(\w+)"', modules)
    assert names == ["app", "core"]
    assert all((_APP / name / "build.gradle.kts").is_file() for name in names)


# In this order; a room imports only those before it.
_ROOMS = ("artifact", "picture", "session", "detection", "decision", "check")
# Of Java only what Android has since API 24.
_OUTSIDE = (
    "java.nio.",
    "java.security.MessageDigest",
    "java.util.zip.CRC32",
    "kotlin.",
)


def test_the_core_knows_nothing_of_android_and_its_rooms_have_an_order():
    sources = sorted((_APP / "core/src/main").rglob("*.kt"))
    assert {path.parent.name for path in sources} == set(_ROOMS)
    for path in sources:
        before = _ROOMS[: _ROOMS.index(path.parent.name)]
        allowed = (*_OUTSIDE, *(f"tsm.core.{room}." for room in before))
        for name in re.findall(
            r"^import ([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            assert name.startswith(allowed), f"{path.name} imports {name}"


def test_the_app_asks_for_the_camera_only():
    root = xml.etree.ElementTree.parse(
        _APP / "app/src/main/AndroidManifest.xml"
    ).getroot()
    permissions = {
        element.get(f"{_ANDROID}name"): element.get(f"{_TOOLS}node")
        for element in root.iter("uses-permission")
    }
    # Without a removal, Gradle adds the permissions of libraries.
    assert permissions == {
        "android.permission.CAMERA": None,
        "android.permission.FOREGROUND_SERVICE": "remove",
        "android.permission.FOREGROUND_SERVICE_DATA_SYNC": "remove",
        "android.permission.INTERNET": "remove",
    }


def test_the_gpu_accelerator_of_litert_is_a_dependency():
    # From LiteRT 2.3.0 on it is not part of the artifact `litert`.
    libraries = _catalog()["libraries"]
    for name in ("litert", "litert-gpu"):
        entry = libraries[name]
        assert entry["group"] == "com.google.ai.edge.litert"
        assert entry["name"] == name
        assert entry["version"]["ref"] == "litert"


def test_every_text_is_used_and_every_used_text_exists():
    resources = _APP / "app/src/main/res"
    texts = xml.etree.ElementTree.parse(resources / "values/strings.xml")
    names = {element.get("name") for element in texts.getroot()}
    code = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("kotlin", "res")
        for path in (_APP / "app/src/main" / folder).rglob("*.*")
    ) + _text("app/src/main/AndroidManifest.xml")
    assert set(re.findall(r"(?:R\.string\.|@string/)(\w+)", code)) == names


def test_tolerances_without_vectors_are_those_of_the_vectors():
    gpu = TOLERANCES["gpu_float16"]
    expected = ", ".join(
        f"Tolerance({gpu[way]['float']}, {gpu[way]['integer']})"
        for way in ("fed", "free")
    )
    source = _text("core/src/main/kotlin/tsm/core/check/VectorsFile.kt")
    assert f"gpuFloat16 = Tolerances({expected})" in source
