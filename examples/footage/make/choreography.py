"""The dances and the casual moves, as key poses. All of it is this project's own."""

from __future__ import annotations

from .motion import Arm, Foot, Key

HANG = Arm((0.20, -0.98, 0.0), (0.12, -0.97, 0.22))
LOOSE = Arm((0.34, -0.93, 0.05), (0.30, -0.90, 0.30))
BENT = Arm((0.38, -0.9, 0.0), (0.05, 0.22, 0.97), 32)
SIDE = Arm((1, -0.03, 0.05), (1, 0.03, 0.1), 6)
OVERHEAD = Arm((0.34, 0.93, 0.1), (0.08, 1, 0.05), 8)
VEE = Arm((0.72, 0.68, 0.05), (0.48, 0.88, 0.05), 8)
AKIMBO = Arm((0.66, -0.70, -0.22), (-0.46, -0.82, 0.32), 20)
AHEAD = Arm((0.24, -0.18, 0.95), (0.02, 0.06, 1), 6)
CROSSED = Arm((0.20, -0.34, 0.92), (-0.74, 0.10, 0.62), 20)
POINT = Arm((0.85, 0.50, 0.15), (0.80, 0.60, 0.1), 4)
LOW = Arm((0.66, -0.74, 0.05), (0.72, -0.68, 0.1), 10)
GOAL = Arm((0.98, -0.08, 0.1), (0.12, 1, 0.1), 10)
WAVE_OUT = Arm((0.75, -0.3, 0.3), (0.42, 0.9, 0.15), 4)
WAVE_IN = Arm((0.75, -0.3, 0.3), (-0.15, 0.97, 0.15), 4)
MUSCLE = Arm((0.95, 0.12, 0.1), (-0.25, 0.96, 0.15), 40)
BACKWARD = Arm((0.35, -0.80, -0.48), (0.30, -0.78, -0.40), 20)
PUSH_UP = Arm((0.55, 0.45, 0.65), (0.15, 0.95, 0.3), 5)
CHEST = Arm((0.62, -0.62, 0.35), (-0.72, 0.30, 0.62), 20)

WIDE = Foot(0.24)
HIP_WIDE = Foot(0.17)
TOE = Foot(0.20, lift=0.02, pitch=22)
KNEE = Foot(0.13, forward=0.24, lift=0.50, turn=0, pitch=32)
KICK = Foot(0.16, forward=0.58, lift=0.36, turn=4, pitch=20)

STREET = (
    Key(beat=0, left=BENT, right=BENT),
    Key(beat=1, left=SIDE, right=BENT, left_foot=WIDE, right_foot=WIDE, stage=(0.08, 0), shift=(0.03, 0, 0),
        spine=(0, 0, 3), pelvis=(0, -8, -4)),
    Key(beat=2, left=CROSSED, right=CROSSED, right_foot=TOE, stage=(0.20, 0), shift=(0.05, -0.02, 0), spine=(8, 0, 0)),
    Key(beat=3, left=AKIMBO, right=POINT, left_foot=HIP_WIDE, right_foot=WIDE, stage=(0, 0), shift=(-0.08, 0, 0),
        pelvis=(0, -14, 5), spine=(0, -8, -7), head=(-4, -18, 0)),
    Key(beat=4, left=POINT, right=AKIMBO, left_foot=WIDE, right_foot=HIP_WIDE, stage=(0, 0), shift=(0.08, 0, 0),
        pelvis=(0, 14, -5), spine=(0, 8, 7), head=(-4, 18, 0)),
    Key(beat=5, left=LOW, right=GOAL, left_foot=KNEE, right_foot=HIP_WIDE, shift=(-0.13, 0.02, 0), pelvis=(-3, 0, 0)),
    Key(beat=6, left=VEE, right=VEE, left_foot=WIDE, right_foot=WIDE, shift=(0, -0.12, 0), head=(-8, 0, 0)),
    Key(beat=7, left=GOAL, right=LOW, left_foot=HIP_WIDE, right_foot=KNEE, shift=(0.13, 0.02, 0), pelvis=(-3, 0, 0)),
    Key(beat=8, left=OVERHEAD, right=OVERHEAD, left_foot=HIP_WIDE, right_foot=HIP_WIDE, head=(-6, 0, 0)),
    Key(beat=9, left=LOW, right=BENT, heading=-48, shift=(0, -0.05, 0)),
    Key(beat=10, left=AHEAD, right=AHEAD, heading=-95, right_foot=Foot(0.13, forward=0.12), shift=(0, -0.06, 0.04),
        spine=(8, 0, 0)),
    Key(beat=11, left=BENT, right=BACKWARD, heading=-50, shift=(0, -0.02, 0)),
    Key(beat=12, left=CHEST, right=CHEST, heading=0, left_foot=HIP_WIDE, right_foot=HIP_WIDE, shift=(0, -0.22, -0.02),
        spine=(14, 0, 0), head=(-8, 0, 0)),
    Key(beat=13, left=VEE, right=LOW, heading=48, shift=(0, 0, 0)),
    Key(beat=14, left=OVERHEAD, right=OVERHEAD, heading=95, left_foot=Foot(0.13, forward=0.10), shift=(0, -0.02, 0)),
    Key(beat=15, left=SIDE, right=BENT, heading=30, right_foot=WIDE, stage=(-0.10, 0), shift=(0, -0.05, 0)),
    Key(beat=16, left=MUSCLE, right=MUSCLE, left_foot=WIDE, right_foot=WIDE, shift=(0, -0.08, 0), spine=(3, 0, 0)),
)  # fmt: skip
"""16 beats: side steps, knee lifts, arms overhead, a turn to each side."""

DISCO = (
    Key(beat=0, left=AKIMBO, right=AKIMBO, left_foot=HIP_WIDE, right_foot=HIP_WIDE),
    Key(beat=1, left=AKIMBO, right=POINT, left_foot=HIP_WIDE, right_foot=WIDE, shift=(-0.10, -0.02, 0),
        pelvis=(0, 8, 6), spine=(0, 0, -8), head=(-6, -15, 0)),
    Key(beat=2, left=AKIMBO, right=CROSSED, left_foot=WIDE, right_foot=HIP_WIDE, shift=(0.10, -0.06, 0),
        pelvis=(0, -8, -6), spine=(8, 10, 6), head=(6, 12, 0)),
    Key(beat=3, left=WAVE_OUT, right=LOOSE, left_foot=KICK, right_foot=HIP_WIDE, shift=(-0.13, 0, -0.05),
        spine=(-4, 0, 0)),
    Key(beat=4, left=LOOSE, right=LOOSE, left_foot=Foot(0.14, forward=0.16), right_foot=Foot(0.14, forward=-0.12),
        stage=(0, 0.12), shift=(0, -0.08, 0.02)),
    Key(beat=5, left=LOOSE, right=WAVE_OUT, left_foot=HIP_WIDE, right_foot=KICK, stage=(0, 0.04),
        shift=(0.13, 0, -0.05), spine=(-4, 0, 0)),
    Key(beat=6, left=SIDE, right=SIDE, left_foot=WIDE, right_foot=WIDE, stage=(0, 0), shift=(0, -0.16, 0)),
    Key(beat=7, left=PUSH_UP, right=PUSH_UP, left_foot=HIP_WIDE, right_foot=HIP_WIDE, head=(-10, 0, 0)),
    Key(beat=8, left=CHEST, right=CHEST, heading=80, shift=(0, -0.04, 0)),
    Key(beat=9, left=CHEST, right=LOW, heading=165, shift=(0, -0.03, 0)),
    Key(beat=10, left=LOW, right=VEE, heading=250, shift=(0, -0.02, 0)),
    Key(beat=11, left=SIDE, right=BENT, heading=335, shift=(0, -0.02, 0)),
    Key(beat=12, left=AHEAD, right=AHEAD, heading=360, left_foot=WIDE, right_foot=WIDE, shift=(0, -0.34, -0.03),
        pelvis=(14, 0, 0), spine=(10, 0, 0), head=(-14, 0, 0)),
    Key(beat=13, left=OVERHEAD, right=LOW, heading=360, left_foot=HIP_WIDE, right_foot=TOE, shift=(0.07, 0, 0),
        pelvis=(0, 0, -5), spine=(0, 0, -6), head=(-6, 8, 0)),
    Key(beat=14, left=AKIMBO, right=OVERHEAD, heading=360, left_foot=TOE, right_foot=HIP_WIDE, shift=(-0.07, 0, 0),
        pelvis=(0, 0, 5), spine=(0, 0, 6), head=(-6, -8, 0)),
)  # fmt: skip
"""14 beats: points, kicks, a step forward, a full spin, a deep squat."""

AT_HOME = (
    Key(beat=0, left=HANG, right=HANG),
    Key(beat=0.9, left=HANG, right=WAVE_OUT, spine=(0, 0, 2), head=(0, -6, 4)),
    Key(beat=1.3, left=HANG, right=WAVE_IN, head=(0, -2, 0)),
    Key(beat=2.0, left=SIDE, right=SIDE),
    Key(beat=2.7, left=OVERHEAD, right=OVERHEAD, head=(-6, 0, 0)),
    Key(beat=3.4, left=AHEAD, right=AHEAD),
    Key(beat=3.9, left=LOOSE, right=LOOSE, heading=20),
    Key(beat=4.4, left=HANG, right=BENT, heading=62),
    Key(beat=4.9, left=HANG, right=LOOSE, heading=100),
    Key(beat=5.4, left=LOOSE, right=LOOSE, heading=145),
    Key(beat=5.9, left=VEE, right=LOW, heading=182),
    Key(beat=6.4, left=LOOSE, right=GOAL, heading=215),
    Key(beat=6.9, left=BENT, right=HANG, heading=260),
    Key(beat=7.4, left=LOOSE, right=LOOSE, heading=305),
    Key(beat=7.9, left=HANG, right=HANG, heading=355),
    Key(beat=8.5, left=LOOSE, right=LOOSE, heading=360, left_foot=WIDE, stage=(0.30, 0), shift=(0.04, -0.02, 0)),
    Key(beat=9.1, left=AKIMBO, right=LOOSE, heading=360, right_foot=WIDE, stage=(-0.28, 0), shift=(-0.04, -0.02, 0)),
    Key(beat=9.7, left=LOOSE, right=HANG, heading=360, stage=(0, 0.34)),
    Key(beat=10.3, left=CHEST, right=CHEST, heading=360, stage=(0, -0.14)),
    Key(beat=11.0, left=AHEAD, right=AHEAD, heading=360, left_foot=HIP_WIDE, right_foot=HIP_WIDE, stage=(0, 0),
        shift=(0, -0.42, -0.10), pelvis=(26, 0, 0), spine=(14, 0, 0), head=(-20, 0, 0)),
    Key(beat=11.7, left=HANG, right=HANG, heading=360),
    Key(beat=12, left=HANG, right=HANG, heading=360),
)  # fmt: skip
"""12 seconds: a wave, arms to the side, up, ahead, a slow full turn, steps in four directions, a squat."""

AT_THE_GYM = (
    Key(beat=0, left=HANG, right=HANG),
    Key(beat=0.7, left=LOOSE, right=LOOSE, stage=(-0.28, 0), right_foot=WIDE),
    Key(beat=1.3, left=GOAL, right=GOAL, stage=(0, 0), left_foot=WIDE, right_foot=WIDE),
    Key(beat=2.0, left=OVERHEAD, right=AKIMBO, left_foot=WIDE, right_foot=WIDE, spine=(0, 0, -12), pelvis=(0, 0, -3)),
    Key(beat=2.7, left=AKIMBO, right=OVERHEAD, left_foot=WIDE, right_foot=WIDE, spine=(0, 0, 12), pelvis=(0, 0, 3)),
    Key(beat=3.4, left=SIDE, right=SIDE, left_foot=WIDE, right_foot=WIDE, spine=(0, 25, 0)),
    Key(beat=4.0, left=BENT, right=BENT, left_foot=KNEE, shift=(-0.12, 0, 0)),
    Key(beat=4.6, left=BENT, right=BENT, right_foot=KNEE, shift=(0.12, 0, 0)),
    Key(beat=5.2, left=LOOSE, right=LOOSE, heading=-30),
    Key(beat=5.7, left=HANG, right=LOOSE, heading=-75),
    Key(beat=6.2, left=AHEAD, right=LOOSE, heading=-100),
    Key(beat=6.7, left=LOOSE, right=LOOSE, heading=-145),
    Key(beat=7.2, left=VEE, right=VEE, heading=-185),
    Key(beat=7.7, left=AKIMBO, right=AKIMBO, heading=-225),
    Key(beat=8.2, left=LOOSE, right=AHEAD, heading=-265),
    Key(beat=8.7, left=HANG, right=BENT, heading=-310),
    Key(beat=9.2, left=HANG, right=HANG, heading=-358),
    Key(beat=9.8, left=CHEST, right=BENT, heading=-360, stage=(0, 0.30)),
    Key(beat=10.4, left=LOOSE, right=LOOSE, heading=-360, stage=(0.24, 0), left_foot=WIDE),
    Key(beat=11.2, left=AHEAD, right=AHEAD, heading=-360, left_foot=WIDE, right_foot=WIDE, stage=(0, 0),
        shift=(0, -0.38, -0.10), pelvis=(24, 0, 0), spine=(12, 0, 0), head=(-18, 0, 0)),
    Key(beat=12, left=HANG, right=HANG, heading=-360),
)  # fmt: skip
"""12 seconds: side bends, a twist, marching, a slow full turn the other way, steps, a squat."""
