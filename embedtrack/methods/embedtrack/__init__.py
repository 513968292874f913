"""EmbedTrack (Löffler & Mikut 2022): offsets, bandwidths and seediness, clustered; tracking offsets vote backwards."""
