"""Tracking while the microscope records."""
