"""The Cell Tracking Challenge: its folders, track files, rules and measures."""
