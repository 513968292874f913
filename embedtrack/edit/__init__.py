"""Corrections of a result, as pure functions of masks and tracks."""
