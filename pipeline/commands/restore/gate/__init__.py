"""What the photo keeps of a face, and whether the network helps it at all."""
