"""From frames to cells with a trained model: tiles, symmetries, device, and the story of tracking a movie."""
