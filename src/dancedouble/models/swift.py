"""The fast method's generator: it blends real pixels, corrects them, and says where the person is.

It is shown limb maps of the wanted pose, a few real pictures of the subject already warped to that pose, and its
own previous frame. Everything is decided at a quarter of the resolution and below; pixels only come back at the end,
where every output pixel is a blend of the references' pixels (nudged by a small predicted offset), the previous
frame's, and the network's own paint. At last that blend is looked at, at half the resolution, and corrected.

It starts from a good guess, not from noise: before any training the blend prefers the references whose masks cover a
pixel, the best reference first, and alpha is the blended mask. Learning only has to correct that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dancedouble.rendering.limb_maps import BONE_WEIGHTS, HEAD_WEIGHT

FOLD = 4
"""Picture pixels per working pixel, on each axis."""
REFERENCE_CHANNELS = 4
"""RGB in [-1, 1] and mask in [0, 1]."""
POLISH_FOLD = 2
"""The same where the blended picture is corrected."""
MULTIPLE = 4 * FOLD
"""Picture sides must be multiples of this: two halvings below the working resolution."""

BEST_FIRST = 4.0
"""Head start, as a logit of the blend, of the first reference; the network learns to overrule it."""
MASK_TRUST = 8.0
"""How much a reference's mask speaks for its pixels, as a logit of the blend."""
COVER_TRUST, ALPHA_GAIN = 3.0, 4.0
"""Alpha's logit is COVER_TRUST · (2 · blended mask − 1) + ALPHA_GAIN · what the network says."""
NEAR_A_BONE, ON_A_BONE = 0.93, 0.97
"""Weights of a limb between which alpha is at least 0 and at least 1: 1.9 and 1.2 % of the height off its bone."""
BESIDE_A_HEAD, ON_A_HEAD = 0.25, 0.5
"""The same of the head's bone, 8 and 6 % off it, where all references show the person,"""
MASK_RIM = 4
"""but for so many pixels inside their masks' rim."""
LONGEST_OFFSET = 12.0
"""Bound on the offsets in pixels."""
SHADE_RIM = 4
"""Working pixels over which a shadow fades towards the picture's edge: beyond it the plate is bare."""


@dataclass(frozen=True, kw_only=True)
class SwiftConfig:
    """Shape of a swift generator."""

    maps: int
    """Channels of the limb maps."""
    references: int = 2
    """Reference pictures per frame."""
    width: int = 32
    """Channels at the working resolution; twice and three times as many below."""
    reference_width: int = 16
    """Channels each reference is encoded into."""
    polish: int = 0
    """Channels of what looks at the blended picture and corrects it; 0 where nothing does."""
    shade_gain: float = 1.0
    """Shade's logit over what the network says: above 1, deep shadows are learned in hundreds of steps."""


class SwiftLayers(NamedTuple):
    """The first two fields are a frame's ``Layers``; the rest is how they came about."""

    rgb: Tensor
    """(B, 3, H, W) in [-1, 1], RGB."""
    alpha: Tensor
    """(B, 1, H, W) in [0, 1], 1 where the painting covers the plate."""
    blend: Tensor
    """(B, K + 2, H, W) shares that sum to 1: each reference, the previous frame, own paint."""
    offsets: Tensor
    """(B, K, 2, H, W) x and y, in pixels, of where each reference was really sampled, relative to each pixel."""
    shade: Tensor
    """(B, 1, H, W) in [0, 2], the factor on the light of the plate: the person's shadow and what they reflect."""


def convolution(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    """3×3 convolution, batch norm (folds into it for rendering), leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(0.1, inplace=True),
    )


class Residual(nn.Module):
    """Two 3×3 convolutions added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, width)
        self.second = nn.Conv2d(width, width, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w) to the same shape."""
        change: Tensor = self.second(self.first(x))
        return x + change


class Polish(nn.Module):
    """Corrects a blended picture and its alpha, at half their resolution, where seams and holes can be seen.

    Before any training it changes nothing.
    """

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        folded = REFERENCE_CHANNELS * POLISH_FOLD**2
        self.look = nn.Sequential(convolution(features + folded, width), Residual(width))
        self.change = nn.Conv2d(width, folded, 3, 1, 1)
        nn.init.zeros_(self.change.weight)
        assert self.change.bias is not None
        nn.init.zeros_(self.change.bias)

    def forward(self, features: Tensor, rgb: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """What to add to the picture (B, 3, H, W) and to alpha's logit (B, 1, H, W).

        ``features`` (B, features, H/4, W/4); ``rgb`` in [-1, 1], ``alpha`` in [0, 1].
        """
        painted = F.pixel_unshuffle(torch.cat([rgb, alpha], 1), POLISH_FOLD).to(features)
        enlarged = F.interpolate(features, scale_factor=FOLD / POLISH_FOLD, mode="nearest")
        change = F.pixel_shuffle(self.change(self.look(torch.cat([enlarged, painted], 1))), POLISH_FOLD).float()
        return change[:, :3], ALPHA_GAIN * change[:, 3:]


class SwiftGenerator(nn.Module):
    """Limb maps + warped references + previous frame → layers. Fully convolutional."""

    def __init__(self, config: SwiftConfig) -> None:
        super().__init__()
        self.config = config
        w, folded = config.width, FOLD * FOLD
        self.encode_reference = convolution(REFERENCE_CHANNELS * folded, config.reference_width)
        self.encode_previous = convolution(REFERENCE_CHANNELS * folded, config.reference_width)
        joined = config.maps + (config.references + 1) * config.reference_width
        self.enter = nn.Sequential(convolution(joined, w), Residual(w))
        self.down_1 = nn.Sequential(convolution(w, 2 * w, 2), Residual(2 * w))
        self.down_2 = nn.Sequential(convolution(2 * w, 3 * w, 2), Residual(3 * w), Residual(3 * w))
        self.up_1 = nn.Sequential(convolution(5 * w, 2 * w), Residual(2 * w))
        self.up_0 = nn.Sequential(convolution(3 * w, w), Residual(w), Residual(w))
        self.leave = nn.Conv2d(w, (config.references + 2 + 3 + 1) * folded, 3, 1, 1)
        self.nudge = nn.Conv2d(w, 2 * config.references, 3, 1, 1)
        self.shadow = nn.Conv2d(w, 1, 3, 1, 1)
        self.enlarge = nn.Upsample(scale_factor=FOLD, mode="bilinear")
        self.polish = Polish(w, config.polish) if config.polish else None
        self._start_from_the_references()

    def _start_from_the_references(self) -> None:
        """Weights near zero and a bias that ranks: best reference, other references, own paint, previous frame."""
        nn.init.normal_(self.leave.weight, 0.0, 0.005)
        nn.init.zeros_(self.nudge.weight)
        nn.init.zeros_(self.shadow.weight)
        for bias in (self.leave.bias, self.nudge.bias, self.shadow.bias):
            assert bias is not None
            nn.init.zeros_(bias)
        count = self.config.references
        with torch.no_grad():
            ranks = self.leave.bias.view(-1, FOLD * FOLD)  # type: ignore[union-attr]
            ranks[0], ranks[count], ranks[count + 1] = BEST_FIRST, -BEST_FIRST, BEST_FIRST / 2

    def forward(self, maps: Tensor, references: Tensor, previous: Tensor | None = None) -> SwiftLayers:
        """Paint one frame.

        Args:
            maps: (B, maps, H/4, W/4) limb maps of the wanted pose.
            references: (B, K, 4, H, W) real pictures warped to that pose: RGB in [-1, 1], mask in [0, 1].
            previous: (B, 4, H, W) the previous frame's rgb and alpha, carried along to this pose; None at
                the start of a clip. H and W are multiples of 16.
        """
        batch, count, _, height, width = references.shape
        if previous is None:
            previous = references.new_zeros(batch, REFERENCE_CHANNELS, height, width)
        seen = self.encode_reference(F.pixel_unshuffle(references.flatten(0, 1), FOLD))
        before = self.encode_previous(F.pixel_unshuffle(previous, FOLD))
        a = self.enter(torch.cat([maps, seen.unflatten(0, (batch, count)).flatten(1, 2), before], 1))
        b = self.down_1(a)
        c = self.down_2(b)
        b = self.up_1(torch.cat([F.interpolate(c, scale_factor=2.0, mode="nearest"), b], 1))
        a = self.up_0(torch.cat([F.interpolate(b, scale_factor=2.0, mode="nearest"), a], 1))
        # In mixed precision too positions and shares are whole floats: half of one does not tell pixel 257 from 256.
        folded = torch.split(self.leave(a), [FOLD * FOLD * channels for channels in (count + 2, 3, 1)], 1)
        shares, paint, alpha = (F.pixel_shuffle(part, FOLD).float() for part in folded)
        offsets = LONGEST_OFFSET * torch.tanh(self.nudge(a).float() / LONGEST_OFFSET)
        offsets = self.enlarge(offsets).view(batch, count, 2, height, width)
        nudged = sample_near(references, offsets)
        masks = torch.cat([nudged[:, :, 3], previous[:, 3:]], 1)
        blend = (shares + MASK_TRUST * F.pad(masks, (0, 0, 0, 0, 0, 1))).softmax(1)
        rgb = blend[:, -1:] * torch.tanh(paint) + blend[:, -2:-1] * previous[:, :3]
        for k in range(count):
            rgb = rgb + blend[:, k : k + 1] * nudged[:, k, :3]
        cover = (blend[:, :-1] * masks).sum(1, keepdim=True) / (1 - blend[:, -1:]).clamp_min(1e-3)
        logit = ALPHA_GAIN * alpha + COVER_TRUST * (2 * cover - 1)
        if self.polish is not None:
            change, more = self.polish(a, rgb, logit.sigmoid())
            # What is taken from the frame before was corrected there: again and again, colours would run away.
            rgb, logit = (rgb + (1 - blend[:, -2:-1]) * change).clamp(-1, 1), logit + more
        alpha = torch.maximum(logit.sigmoid(), self._surely(maps, references[:, :, 3]))
        return SwiftLayers(rgb, alpha, blend, offsets, self._shade(a))

    def _surely(self, maps: Tensor, masks: Tensor) -> Tensor:
        """(B, maps, h, w) and (B, K, H, W) → (B, 1, H, W): where the person is, whatever the network says.

        A dance takes limbs and head where the footage never had them; what no training frame covered there, the network
        leaves bare: arms come apart, and a turned head has holes. But along the bones of limbs there is somebody. The
        bone of a head, from neck to nose, is no such place, seen from the side; there the references decide.
        """
        within = -F.max_pool2d(-masks.amin(1, keepdim=True), 2 * MASK_RIM + 1, FOLD, MASK_RIM)
        head = within * _ramp(maps[:, HEAD_WEIGHT : HEAD_WEIGHT + 1], BESIDE_A_HEAD, ON_A_HEAD)
        bones = maps[:, BONE_WEIGHTS].amax(1, keepdim=True)
        bones, head = self.enlarge(torch.cat([bones, head], 1).float()).split(1, 1)
        return torch.maximum(_ramp(bones, NEAR_A_BONE, ON_A_BONE), head)

    def _shade(self, features: Tensor) -> Tensor:
        """(B, w, h, w') working features → (B, 1, H, W) factor on the plate's light: smooth, 1 before any training."""
        rim = [(torch.arange(n, device=features.device) + 0.5).clamp_max(SHADE_RIM) for n in features.shape[-2:]]
        fade_y, fade_x = (torch.minimum(edge, edge.flip(0)) / SHADE_RIM for edge in rim)
        faded = self.config.shade_gain * self.shadow(features) * fade_y[:, None] * fade_x
        shade: Tensor = 2 * self.enlarge(faded).sigmoid()
        return shade


def _ramp(values: Tensor, low: float, high: float) -> Tensor:
    """0 up to ``low``, 1 from ``high`` on."""
    return ((values - low) / (high - low)).clamp(0, 1)


def sample_near(pictures: Tensor, offsets: Tensor) -> Tensor:
    """Sample (B, K, C, H, W) at each pixel plus (B, K, 2, H, W) offsets in pixels; beyond the edge, the edge."""
    height, width = pictures.shape[-2:]
    x = torch.arange(width, device=offsets.device, dtype=offsets.dtype) + 0.5
    y = torch.arange(height, device=offsets.device, dtype=offsets.dtype)[:, None] + 0.5
    flat = offsets.flatten(0, 1)
    # Joined along the channels and turned around after that: side by side, pixel by pixel, is far slower in OpenVINO.
    grid = torch.cat([(flat[:, :1] + x) * (2 / width) - 1, (flat[:, 1:] + y) * (2 / height) - 1], 1).permute(0, 2, 3, 1)
    sampled = F.grid_sample(pictures.flatten(0, 1), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return sampled.view(pictures.shape)
