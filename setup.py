"""The part of the package's metadata that needs Python: the rest is TOML.

Each of the five packages lies in a root of its own. Their subpackages are
found here, so that a new one needs no edit; its folder's name in `package_dir`
is all that setuptools must know.
"""

import setuptools

_ROOTS = {
    "tsm_keras": ".",
    "tsm_export": "export",
    "tsm_live": "apps/live",
    "tsm_jetson": "apps/jetson",
    "tsm_cli": "apps/cli",
}

setuptools.setup(
    packages=[
        found
        for package, root in _ROOTS.items()
        for found in setuptools.find_packages(
            root, include=[package, f"{package}.*"]
        )
    ],
    package_dir={
        package: package if root == "." else f"{root}/{package}"
        for package, root in _ROOTS.items()
    },
    # The default, build/, is the file BUILD where case does not count (macOS).
    options={"build": {"build_base": ".build"}},
)
