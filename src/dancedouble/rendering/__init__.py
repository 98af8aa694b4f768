"""Pictures and maps drawn from keypoints. Pure: the same keypoints give the same bytes."""
