from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.rendering.detail import Blend, Patch, restore_detail

SIZE, LARGE = (32, 24), (128, 96)


def pictures(count: int) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(0)
    return [cv2.GaussianBlur(random.integers(0, 255, (*LARGE, 3), np.uint8), (0, 0), 1.2) for _ in range(count)]


def identity_flow() -> NDArray[np.float32]:
    x, y = np.meshgrid(np.arange(SIZE[1]), np.arange(SIZE[0]))
    return np.stack([x, y], -1).astype(np.float32)


def whole(count: int) -> NDArray[np.uint8]:
    """Each reference from one picture."""
    return np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((1, *SIZE), np.uint8)


def test_a_whole_share_of_an_unmoved_picture_gives_the_picture_back() -> None:
    large = pictures(2)
    small = [cv2.resize(picture, SIZE[::-1], interpolation=cv2.INTER_AREA) for picture in large]
    shares = np.stack([np.ones(SIZE, np.float32), np.zeros(SIZE, np.float32)])
    blend = Blend(shares, np.zeros((2, 2, *SIZE), np.float32))
    patches = [Patch(identity_flow(), picture) for picture in large]
    restored = restore_detail(small[0].astype(np.float32), blend, np.stack(small), whole(2), patches, (4.0, 4.0), LARGE)
    inner = slice(8, -8)
    assert np.abs(restored[inner, inner] - large[0][inner, inner].astype(np.float32)).mean() < 2
    plain = cv2.resize(small[0], LARGE[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    assert np.abs(plain[inner, inner] - large[0][inner, inner].astype(np.float32)).mean() > 8


def test_offsets_move_the_detail_with_the_decision() -> None:
    large = pictures(1)
    small = cv2.resize(large[0], SIZE[::-1], interpolation=cv2.INTER_AREA)
    offset = np.zeros((1, 2, *SIZE), np.float32)
    offset[:, 0] = 3.0
    moved = np.roll(small, -3, axis=1).astype(np.float32)
    blend = Blend(np.ones((1, *SIZE), np.float32), offset)
    patches = [Patch(identity_flow(), large[0])]
    restored = restore_detail(moved, blend, small[None], whole(1), patches, (4.0, 4.0), LARGE)
    inner = (slice(8, -8), slice(8, -24))
    assert np.abs(restored[inner] - np.roll(large[0], -12, axis=1)[inner].astype(np.float32)).mean() < 2


def test_without_a_share_nothing_is_added() -> None:
    small = np.full((*SIZE, 3), 90, np.float32)
    blend = Blend(np.zeros((1, *SIZE), np.float32), np.zeros((1, 2, *SIZE), np.float32))
    patches = [Patch(identity_flow(), pictures(1)[0])]
    nothing = np.zeros((1, *SIZE, 4), np.uint8)
    restored = restore_detail(small, blend, nothing, whole(1), patches, (4.0, 4.0), LARGE)
    np.testing.assert_allclose(restored, 90)


def test_a_reference_of_two_pictures_gets_the_detail_of_both() -> None:
    large = pictures(2)
    small = [cv2.resize(picture, SIZE[::-1], interpolation=cv2.INTER_AREA) for picture in large]
    source = np.zeros((1, *SIZE), np.uint8)
    source[:, :, 12:] = 1
    reference = np.where(source[0][..., None] == 0, small[0], small[1])
    blend = Blend(np.ones((1, *SIZE), np.float32), np.zeros((1, 2, *SIZE), np.float32))
    patches = [Patch(identity_flow(), picture) for picture in large]
    restored = restore_detail(reference.astype(np.float32), blend, reference[None], source, patches, (4.0, 4.0), LARGE)
    for picture, columns in ((large[0], slice(8, 40)), (large[1], slice(56, 88))):
        assert np.abs(restored[8:-8, columns] - picture[8:-8, columns].astype(np.float32)).mean() < 2


def test_a_part_is_cut_from_the_whole() -> None:
    large = pictures(1)
    small = cv2.resize(large[0], SIZE[::-1], interpolation=cv2.INTER_AREA)
    blend = Blend(np.full((1, *SIZE), 0.5, np.float32), np.zeros((1, 2, *SIZE), np.float32))
    shown = (
        small.astype(np.float32),
        blend,
        small[None],
        whole(1),
        [Patch(identity_flow(), large[0])],
        (4.0, 4.0),
        LARGE,
    )
    part = slice(10, 70), slice(5, 61)
    np.testing.assert_allclose(restore_detail(*shown, part), restore_detail(*shown)[part], atol=1e-3)
