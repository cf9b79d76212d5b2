"""Films: faces followed from frame to frame, one decision each, sound and times kept."""
