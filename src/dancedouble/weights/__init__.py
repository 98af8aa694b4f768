"""The store of trained weights: name → artefact, licence and SHA-256; fetched once, checked, cached per user."""

from __future__ import annotations

from dancedouble.weights.catalogue import WEIGHTS, Package, Weight
from dancedouble.weights.store import FOLDER_VARIABLE, available, cache_folder, gather, weight_path

__all__ = ["FOLDER_VARIABLE", "WEIGHTS", "Package", "Weight", "available", "cache_folder", "gather", "weight_path"]
