"""Every error a user can meet. Each message is one line: the file, what was found, what was expected, what to do.

DancedoubleError
├── InputError               a file or video the user gave
│   ├── MediaError           missing, not a video, no video stream, no frames, damaged
│   ├── NoPersonError        nobody found in the video
│   ├── SubjectError         several people and no clear subject, or `--person N` does not exist
│   ├── PersonTooSmallError  the person is under the smallest height that can be learned or followed
│   └── ClipTooShortError    too few usable seconds
├── OutputError              cannot be written, equals an input, disk full
├── WorkspaceError           a workspace that is damaged, incomplete or of a newer version
├── PersonFileError          a person file that is damaged or of a newer version
├── ConsentError             learning a person without their consent on record
├── WeightsError             model weights that cannot be fetched or do not match their hash
├── MissingExtraError        an optional dependency that is not installed
└── Cancelled                raised by a progress callback to stop the work; state is kept for a resume
"""

from __future__ import annotations


class DancedoubleError(Exception):
    """Base of every error raised on purpose. ``str(error)`` is one line meant for the user."""


class InputError(DancedoubleError):
    """A file or video the user gave cannot be used."""


class MediaError(InputError):
    """A media file is missing, is not a video, holds no frames, or is damaged."""


class NoPersonError(InputError):
    """Nobody was found in the video."""


class SubjectError(InputError):
    """Several people and no clear subject, or the person asked for does not exist."""


class PersonTooSmallError(InputError):
    """The person is smaller in the picture than can be learned or followed."""


class ClipTooShortError(InputError):
    """The clip has too few usable seconds of the person."""


class OutputError(DancedoubleError):
    """An output cannot be written, or would overwrite an input."""


class WorkspaceError(DancedoubleError):
    """A workspace is damaged, incomplete, or was written by a newer version."""


class PersonFileError(DancedoubleError):
    """A person file is damaged, or was written by a newer version."""


class ConsentError(DancedoubleError):
    """The person to be learned has no consent on record."""


class WeightsError(DancedoubleError):
    """Model weights cannot be fetched, or do not match their recorded hash."""


class MissingExtraError(DancedoubleError):
    """An optional dependency is not installed; the message names the extra to install."""


class Cancelled(DancedoubleError):
    """Raised by a progress callback to stop the work. What was done is kept, so the same call goes on."""
