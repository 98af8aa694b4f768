"""Video, sound and pictures in and out. RGB uint8 HWC; never torch."""
