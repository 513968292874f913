"""Cosine embeddings by a recurrent stacked hourglass (Payer et al. 2018, 2019): instances of frame pairs."""
