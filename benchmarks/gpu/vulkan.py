"""vulkan_devices: what Vulkan's loader finds on this machine.

    python -m benchmarks.gpu.vulkan

prints it as JSON. It needs nothing but the loader, `libvulkan.so.1`.
"""

import ctypes
import json

# Values of the enumeration VkPhysicalDeviceType.
_TYPES = {1: "integrated GPU", 2: "discrete GPU", 3: "virtual GPU", 4: "CPU"}
_NVIDIA = 0x10DE
_LIMITS = 2048  # Bytes; more than what follows the name in the struct.


class _InstanceInfo(ctypes.Structure):
    """VkInstanceCreateInfo."""

    _fields_ = (
        ("structure_type", ctypes.c_int32),
        ("next", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("application", ctypes.c_void_p),
        ("num_layers", ctypes.c_uint32),
        ("layers", ctypes.c_void_p),
        ("num_extensions", ctypes.c_uint32),
        ("extensions", ctypes.c_void_p),
    )


class _Properties(ctypes.Structure):
    """VkPhysicalDeviceProperties."""

    _fields_ = (
        ("api_version", ctypes.c_uint32),
        ("driver_version", ctypes.c_uint32),
        ("vendor", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("device_type", ctypes.c_int32),
        ("name", ctypes.c_char * 256),
        ("others", ctypes.c_byte * _LIMITS),
    )


def vulkan_devices() -> list[dict[str, str]]:
    """Returns the name, the type and the driver's version of each device.

    A software rasteriser's type is `"CPU"`. The list is empty where there is
    no loader, no driver or no device.
    """
    try:
        vulkan = ctypes.CDLL("libvulkan.so.1")
    except OSError:
        return []
    instance = ctypes.c_void_p()
    info = _InstanceInfo(structure_type=1)
    if vulkan.vkCreateInstance(
        ctypes.byref(info), None, ctypes.byref(instance)
    ):
        return []
    count = ctypes.c_uint32()
    enumerate_devices = vulkan.vkEnumeratePhysicalDevices
    if enumerate_devices(instance, ctypes.byref(count), None):
        return []
    devices = (ctypes.c_void_p * count.value)()
    enumerate_devices(instance, ctypes.byref(count), devices)
    return [_describe(vulkan, device) for device in devices[: count.value]]


def _describe(vulkan, device):
    found = _Properties()
    vulkan.vkGetPhysicalDeviceProperties(
        ctypes.c_void_p(device), ctypes.byref(found)
    )
    return {
        "name": found.name.decode(errors="replace"),
        "type": _TYPES.get(found.device_type, "other"),
        "driver": _version(found.driver_version, found.vendor),
    }


def _version(number, vendor):
    """Returns a driver's version; NVIDIA divides the bits its own way."""
    if vendor == _NVIDIA:
        parts = number >> 22, number >> 14 & 0xFF, number >> 6 & 0xFF
    else:
        parts = number >> 22, number >> 12 & 0x3FF, number & 0xFFF
    return ".".join(map(str, parts))


if __name__ == "__main__":
    print(json.dumps(vulkan_devices()))
