"""From frames to cells with a trained model: tiles, symmetries, and the story of tracking a movie."""
