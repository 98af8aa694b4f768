"""The music: a small drum machine with bass and chords, synthesised from nothing, so that it is free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .geometry import Floats

RATE = 44100


@dataclass(frozen=True)
class Song:
    """A loop. ``roots`` are the bass notes of successive bars of four beats, in semitones from A1 (55 Hz)."""

    bpm: float
    roots: tuple[int, ...]
    minor: bool
    swing: float
    seed: int


def synthesise(song: Song, seconds: float) -> Floats:
    """Stereo sound (2, samples) in −1…1 at :data:`RATE`, its first beat at time 0, of exactly the given length."""
    total = round(seconds * RATE)
    sound = np.zeros((2, total + RATE))
    random = np.random.default_rng(song.seed)
    beat = 60 / song.bpm
    for i in range(int(np.ceil(seconds / beat))):
        root = song.roots[i // 4 % len(song.roots)]
        half = (i + 0.5 + song.swing) * beat
        _mix(sound, i * beat, _kick(), 0.85, 0)
        if i % 2:
            _mix(sound, i * beat, _clap(random), 0.45, 0.1)
        _mix(sound, i * beat, _hat(random), 0.10, -0.3)
        _mix(sound, half, _hat(random), 0.20, 0.3)
        _mix(sound, half, _bass(root, beat * 0.45), 0.42, 0)
        if i % 4 in (0, 3):
            _mix(sound, (i + 0.5 * (i % 4 == 3)) * beat, _chord(root, beat * 0.9, song.minor), 0.20, -0.1)
    sound = np.tanh(1.2 * sound[:, :total])
    fade = np.ones(total)
    fade[-RATE // 5 :] = np.linspace(1, 0, RATE // 5)
    return np.asarray(0.9 * sound * fade / np.abs(sound).max())


def _mix(sound: Floats, seconds: float, note: Floats, gain: float, pan: float) -> None:
    start = round(seconds * RATE)
    note = note[: max(0, sound.shape[1] - start)]
    sound[0, start : start + len(note)] += gain * (1 - pan) * note
    sound[1, start : start + len(note)] += gain * (1 + pan) * note


def _time(seconds: float) -> Floats:
    return np.asarray(np.arange(round(seconds * RATE)) / RATE)


def _kick() -> Floats:
    t = _time(0.28)
    phase = 2 * np.pi * (48 * t + 110 / 32 * (1 - np.exp(-32 * t)))
    return np.asarray(np.sin(phase) * np.exp(-11 * t))


def _clap(random: np.random.Generator) -> Floats:
    t = _time(0.22)
    noise = np.diff(random.standard_normal(len(t)), prepend=0)
    bursts = sum(np.exp(-70 * np.maximum(t - d, 0)) * (t >= d) for d in (0.0, 0.012, 0.024))
    return np.asarray(0.4 * noise * (bursts + 0.6 * np.exp(-22 * t)))


def _hat(random: np.random.Generator) -> Floats:
    t = _time(0.06)
    noise = np.diff(random.standard_normal(len(t)), n=2, prepend=[0, 0])
    return np.asarray(0.4 * noise * np.exp(-75 * t))


def _bass(root: int, seconds: float) -> Floats:
    t = _time(seconds)
    f = 55 * 2 ** (root / 12)
    tone = sum(np.sin(2 * np.pi * f * k * t) / k for k in (1, 2, 3))
    return np.asarray(tone * np.minimum(t / 0.005, 1) * np.minimum((seconds - t) / 0.02, 1))


def _chord(root: int, seconds: float, minor: bool) -> Floats:
    t = _time(seconds)
    tone = np.zeros(len(t))
    for semitones in (24, 27 if minor else 28, 31, 36):
        f = 55 * 2 ** ((root + semitones) / 12)
        tone += np.sin(2 * np.pi * f * t) + 0.3 * np.sin(4 * np.pi * f * t + 0.5)
    return np.asarray(0.25 * tone * np.minimum(t / 0.01, 1) * np.exp(-3.5 * t / seconds))
