"""Whether this installation works: versions, device, memory, places, weights, and a short run whose answer is known.

Nothing heavy is imported before a check needs it, so that a broken package is a finding and no crash.
"""
