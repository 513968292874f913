"""One page of HTML about a result: movie, lineages, numbers, doubtful places, and errors where there is truth."""
