"""From frames to one subject's keypoints, and the geometry that moves them to another body."""
