"""EmbedSeg (Lalit et al. 2021) for single images: EmbedTrack without tracking decoder; cells link by overlap."""
