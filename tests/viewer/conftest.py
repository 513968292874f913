"""Windows without a screen: Qt draws into memory, and napari's canvas finds a context of OpenGL that shows nothing."""

import ctypes
import os
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

SURFACELESS, OPENGL, SURFACE_TYPE, NO_SURFACE, END = 0x31DD, 0x30A2, 0x3033, 0, 0x3038


@cache
def context() -> bool:
    """Make a context of EGL without surface the current one; False where there is none."""
    try:
        egl = ctypes.CDLL("libEGL.so.1")
        egl.eglGetPlatformDisplay.restype = egl.eglCreateContext.restype = ctypes.c_void_p
        display = ctypes.c_void_p(egl.eglGetPlatformDisplay(SURFACELESS, None, None))
        config, count = ctypes.c_void_p(), ctypes.c_int()
        wanted = (ctypes.c_int * 3)(SURFACE_TYPE, NO_SURFACE, END)
        found = egl.eglInitialize(display, None, None) and egl.eglBindAPI(OPENGL)
        found = found and egl.eglChooseConfig(display, wanted, ctypes.byref(config), 1, ctypes.byref(count))
        made = ctypes.c_void_p(egl.eglCreateContext(display, config, None, None)) if found else None
        return bool(made and made.value and egl.eglMakeCurrent(display, None, None, made))
    except (OSError, AttributeError):
        return False


@pytest.fixture
def model() -> Any:
    """A viewer without a window."""
    components = pytest.importorskip("napari.components", reason="needs the extra: pip install '.[napari]'")
    return components.ViewerModel()


@pytest.fixture
def viewer() -> Iterator[Any]:
    """A viewer with a window that is not shown."""
    napari = pytest.importorskip("napari", reason="needs the extra: pip install '.[napari]'")
    if os.environ["QT_QPA_PLATFORM"] == "offscreen" and not context():
        pytest.skip("needs EGL, e.g. of Mesa")
    made = napari.Viewer(show=False)
    yield made
    made.close()
