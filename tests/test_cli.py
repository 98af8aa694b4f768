"""The command line on a pipeline that does nothing: what is passed on, what is printed where, exit codes, Ctrl-C."""

from __future__ import annotations

import io
import json
import logging
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import dancedouble
from dancedouble.cli import main
from dancedouble.cli.formats import describe_time, parse_frames, parse_rate, parse_time
from dancedouble.cli.progress_view import SECONDS_BETWEEN_LINES, BarView, LineView
from dancedouble.errors import ConsentError, MediaError
from dancedouble.progress import Progress
from dancedouble.results import InfoResult
from fake_pipeline import FakePipeline

FAKE = Path(__file__).with_name("fake_pipeline.py")


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> FakePipeline:
    fake = FakePipeline()
    monkeypatch.setitem(sys.modules, "dancedouble.pipeline", fake)
    monkeypatch.setattr(dancedouble, "pipeline", fake, raising=False)
    return fake


def raising(error: BaseException) -> Callable[..., None]:
    def before(verb: str, named: Any) -> None:
        raise error

    return before


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("1h", 3600), ("600", 600), ("1h30m", 5400), ("1.5m", 90), ("2min", 120), ("5M", 300)],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-5m", "ten", "10x", "nan", "inf", "5m 3", "1e9", "m"])
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="10m"):
        parse_time(text)


def test_frame_ranges() -> None:
    assert parse_frames("10:250") == (10, 250)
    assert parse_frames(":5") == (0, 5)
    for text in ("", ":", "5", "5:", "-1:5", "5:5", "6:5", "a:b", "1:2:3"):
        with pytest.raises(ValueError, match="frame"):
            parse_frames(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("25", 25), ("25.00", 25), ("12.5", Fraction(25, 2)), ("30000/1001", Fraction(30000, 1001)),
        ("29.97", Fraction(30000, 1001)), ("23.976", Fraction(24000, 1001)), ("59.94", Fraction(60000, 1001)),
    ],
)  # fmt: skip
def test_rates(text: str, rate: Fraction) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0", "0.0", "-25", "25 fps", "nan", "1e9", "25/0", "0/1", "1/2/3", "29,97"])
def test_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match="30000/1001"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.4 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (3720, "1 h 02 min")]
)
def test_times_for_people(seconds: float, text: str) -> None:
    assert describe_time(seconds) == text


@pytest.mark.parametrize(("given", "camera"), [([], 0), (["2"], 2)])
def test_live_takes_a_camera_by_its_number(pipeline: FakePipeline, given: list[str], camera: int) -> None:
    assert main(["live", "p.safetensors", *given, "-q"]) == 0
    assert pipeline.calls[0][1] == (Path("p.safetensors"), camera)


def test_a_live_stream_has_standard_output_to_itself(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["live", "p.safetensors", "-o", "-", "-q"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["live", "p.safetensors", "-o", "-", "--json"]) == 2


def test_only_what_was_given_is_passed_on(pipeline: FakePipeline) -> None:
    assert main(["transfer", "dance.mp4", "me.mp4", "-o", "out.mp4", "-q"]) == 0
    assert pipeline.calls == [("transfer", (Path("dance.mp4"), Path("me.mp4"), Path("out.mp4")), {})]


def test_everything_that_was_given_is_passed_on(pipeline: FakePipeline) -> None:
    options = "--budget 10m --preset edn --layout side-by-side --size 256 --person 2 --target-person 1"
    options += " --retarget limbs --frames 5:25 --consent Ada --seed 7 --device cpu --json --sound a.mkv --fps 29.97"
    assert main(["transfer", "a.mp4", "b.mp4", "--output", "o.mp4", *options.split()]) == 0
    named = pipeline.calls[0][2]
    assert named == {
        "budget": 600.0, "preset": "edn", "layout": "side-by-side", "size": 256, "person": 2, "target_person": 1,
        "retarget": "limbs", "frames": (5, 25), "consent": "Ada", "seed": 7, "device": "cpu",
        "sound": Path("a.mkv"), "fps": Fraction(30000, 1001),
    }  # fmt: skip
    assert {type(named[name]) for name in ("layout", "retarget")} == {str}


@pytest.mark.parametrize(
    ("command", "call"),
    [
        ("prepare v.mp4 -o w --poses p.npz --person 2 --consent Ada",
         ("prepare", ("v.mp4", "w"), {"poses": Path("p.npz"), "person": 2, "consent": "Ada"})),
        ("train w -o p.safetensors --warm-start q.safetensors",
         ("train", ("w", "p.safetensors"), {"warm_start": Path("q.safetensors")})),
        ("train w -o p.safetensors --steps 10 --frames :80 --budget 90s --size 192 --seed 0",
         ("train", ("w", "p.safetensors"), {"steps": 10, "frames": (0, 80), "budget": 90.0, "size": 192, "seed": 0})),
        ("render p.safetensors d.mp4 -o out --alpha --person 2 --layout strip",
         ("render", ("p.safetensors", "d.mp4", "out"), {"alpha": True, "person_number": 2, "layout": "strip"})),
        ("render p.safetensors json -o o.mp4 --sound d.mp4 --fps 25",
         ("render", ("p.safetensors", "json", "o.mp4"), {"sound": Path("d.mp4"), "fps": 25})),
        ("pose json -o p.npz --fps 60", ("pose", ("json", "p.npz"), {"fps": 60})),
        ("pose d.mp4 -o p.npz --openpose json --figures f.mp4",
         ("pose", ("d.mp4", "p.npz"), {"openpose": Path("json"), "figures": Path("f.mp4")})),
        ("live p.safetensors d.mp4 -o out.mp4 --retarget global",
         ("live", ("p.safetensors", "d.mp4"), {"output": Path("out.mp4"), "retarget": "global"})),
        ("export p.safetensors -o networks --format openvino",
         ("export", ("p.safetensors", "networks"), {"format": "openvino"})),
        ("info p.safetensors", ("info", (), {"path": Path("p.safetensors"), "preset": None, "weights": None})),
        ("info --preset swift", ("info", (), {"path": None, "preset": "swift", "weights": None})),
        ("info --weights w", ("info", (), {"path": None, "preset": None, "weights": Path("w")})),
    ],
)  # fmt: skip
def test_each_command_calls_its_verb(pipeline: FakePipeline, command: str, call: tuple[Any, ...]) -> None:
    assert main([*command.split(), "--quiet", "--device", "cpu"]) == 0
    verb, positional, named = call
    named = {**named, **({"device": "cpu"} if verb in {"train", "render", "live"} else {})}
    recorded = pipeline.calls[0]
    assert (recorded[0], tuple(map(str, recorded[1])), recorded[2]) == (verb, positional, named)


def test_the_result_is_told_on_stdout_and_warnings_on_stderr(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["transfer", "a.mp4", "b.mp4", "-o", "out.mp4"])
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "out.mp4"
    assert "200 frames at 25 a second, 3 without the person" in out
    assert "2 min 09 s (poses 9.0 s, training 2 min 00 s)" in out
    assert "812 steps" in out
    assert err == "warning: the camera moves\n"


@pytest.mark.parametrize(
    "command",
    [
        "transfer a b -o c.mp4", "prepare a -o w", "train w -o p.safetensors", "render p.safetensors a -o o.mp4",
        "pose a.mp4 -o p.npz", "info", "info a.mp4",
    ],
)  # fmt: skip
def test_json_is_one_object_and_nothing_else(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([*command.split(), "--json"]) == 0
    assert isinstance(json.loads(capsys.readouterr().out), dict)


def test_json_of_a_render_holds_its_contract(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    main(["render", "p.safetensors", "d.mp4", "-o", "o.mp4", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert {"output", "frames", "fps", "seconds", "warnings"} <= set(result)
    assert result["fps"] == "30000/1001"


def test_info_of_a_video_lists_its_people(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    picture = tmp_path / "who.png"
    assert main(["info", "a.mp4", "--picture", str(picture), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [person["number"] for person in listed["people"]] == [1, 2]
    assert ("people", (Path("a.mp4"),), {"picture": picture}) in pipeline.calls
    main(["info", "a.mp4"])
    out = capsys.readouterr().out
    assert "person 1: in 98% of the frames, 410 px tall" in out
    assert re.search(r"pose_detection +fetched +Apache-2.0; MediaPipe", out)


def test_info_says_sizes_and_times_for_people_and_when_nobody_is_there(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"kind": "video", "size": [1080, 1920], "fps": "30000/1001", "duration": "77/30", "start_time": "0"}
    monkeypatch.setattr(pipeline, "info", lambda **named: InfoResult(facts), raising=False)
    monkeypatch.setattr(pipeline, "people", lambda video, **named: [], raising=False)
    assert main(["info", "a.mp4"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert {"size: 1920 × 1080", "fps: 29.97", "duration: 2.57 s", "nobody was found in it"} <= set(out)
    assert main(["info", "a.mp4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["size"] == [1080, 1920] and found["duration"] == "77/30" and found["people"] == []


def test_info_of_openpose_json_says_that_no_rate_is_named(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    facts = {"kind": "OpenPose JSON", "frames": 75, "people_at_most": 2, "size_reached": [480, 640], "fps": None}
    monkeypatch.setattr(pipeline, "info", lambda **named: InfoResult(facts), raising=False)
    assert main(["info", str(tmp_path)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert {"kind: OpenPose JSON", "frames: 75", "people_at_most: 2", "size_reached: 640 × 480"} <= set(out)
    assert any(line.startswith("fps: not named") for line in out)
    assert main(["info", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == facts


def test_a_typed_error_is_one_line_and_exit_1(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    pipeline.before = raising(MediaError("a[b].mp4: not a video;\nconvert it first"))
    assert main(["pose", "a.mp4", "-o", "p.npz"]) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: a[b].mp4: not a video; convert it first\n")
    assert main(["pose", "a.mp4", "-o", "p.npz", "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error == {"type": "MediaError", "message": "a[b].mp4: not a video; convert it first"}


def test_an_unexpected_error_shows_its_traceback_only_for_debugging(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.before = raising(ZeroDivisionError("division by zero"))
    assert main(["pose", "a.mp4", "-o", "p.npz"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "ZeroDivisionError" in err and "report" in err
    assert main(["pose", "a.mp4", "-o", "p.npz", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        "transfer a.mp4 b.mp4", "transfer a.mp4 -o c.mp4", "transfer a b -o c --budget soon", "frobnicate",
        "render p d -o o --frames 9", "render p d -o o --fps 0", "transfer a b -o c --fps fast",
        "render p d -o o --layout sideways", "train w -o p --steps 0",
        "pose a -o b --person 0",
        "info p.safetensors --preset swift", "info --picture who.png", "info --device tpu",
        "render p d -o o --no-such-option",
    ],
)  # fmt: skip
def test_a_wrong_command_is_exit_2(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main(command.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and "Error" in err
    assert main([*command.split(), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["type"] == "UsageError" and error["message"]
    assert not pipeline.calls


def test_consent_is_asked_once_at_a_terminal(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_without(pipeline)
    monkeypatch.setattr(sys, "stdin", Terminal("Ada, told me in person\n"))
    assert main(["prepare", "me.mp4", "-o", "w"]) == 0
    assert [call[2].get("consent") for call in pipeline.calls] == [None, "Ada, told me in person"]
    assert capsys.readouterr().err.count("did they agree") == 1


@pytest.mark.parametrize("stdin", ["nobody", "silent"])
def test_without_an_answer_the_refusal_stands(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, stdin: str
) -> None:
    refuse_without(pipeline)
    monkeypatch.setattr(sys, "stdin", io.StringIO("Ada\n") if stdin == "nobody" else Terminal("\n"))
    assert main(["transfer", "a.mp4", "b.mp4", "-o", "c.mp4"]) == 1
    assert "say who with --consent" in capsys.readouterr().err
    assert len(pipeline.calls) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def refuse_without(pipeline: FakePipeline) -> None:
    def before(verb: str, named: Any) -> None:
        if not named.get("consent"):
            raise ConsentError("me.mp4: nobody agreed yet; say who with --consent")

    pipeline.before = before


def test_progress_goes_to_stderr_line_by_line_when_there_is_no_terminal(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    def before(verb: str, named: Any) -> None:
        for done in range(1, 101):
            named["on_progress"](Progress(stage="poses", done=done, total=100, seconds=done / 10))

    pipeline.before = before
    main(["pose", "a.mp4", "-o", "p.npz"])
    out, err = capsys.readouterr()
    assert err.splitlines() == ["poses: 1/100 frames, 9.9 s left", "poses: 100/100 frames"]
    assert "poses:" not in out
    main(["pose", "a.mp4", "-o", "p.npz", "--quiet"])
    assert capsys.readouterr().err == ""


def test_the_library_s_log_is_heard_among_the_progress(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    def before(verb: str, named: Any) -> None:
        log = logging.getLogger("dancedouble.weights.store")
        log.info("weights face: fetched once")
        log.warning("the sound is damaged")

    pipeline.before = before
    main(["pose", "a.mp4", "-o", "p.npz"])
    assert capsys.readouterr().err.splitlines() == ["weights face: fetched once", "the sound is damaged"]
    main(["pose", "a.mp4", "-o", "p.npz", "--quiet"])
    assert capsys.readouterr().err == "the sound is damaged\n"
    assert not logging.getLogger("dancedouble").handlers, "the next command would say it twice"


def test_long_stages_are_heard_of_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    view = LineView()
    for step in range(1, 61):
        clock[0] = float(step)
        view.show(Progress(stage="training", done=step, total=600, unit="s", seconds=step))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 60 / SECONDS_BETWEEN_LINES
    assert lines[-1] == "training: 51 s of 10 min 00 s, 9 min 09 s left"


def test_a_plan_is_announced(pipeline: FakePipeline, capsys: pytest.CaptureFixture[str]) -> None:
    def before(verb: str, named: Any) -> None:
        named["on_progress"](Progress(stage="plan", done=0, message="plan: poses 1 min, training 7 min"))

    pipeline.before = before
    main(["transfer", "a.mp4", "b.mp4", "-o", "c.mp4"])
    assert "plan: poses 1 min, training 7 min\n" in capsys.readouterr().err


def test_a_terminal_gets_bars() -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, FAKE, "learn", "transfer", "a.mp4", "b[1].mp4", "-o", "c.mp4"],
        stdout=subprocess.PIPE, stderr=follower, stdin=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(follower)
    shown = read_until(leader, "left")
    process.send_signal(signal.SIGINT)
    shown += read_until(leader, "rendering")
    out, _ = process.communicate(timeout=20)
    os.close(leader)
    assert process.returncode == 0
    assert "training" in shown and re.search(r"\d+/10000 steps", shown) and "stopping early" in shown
    assert out.decode().startswith("c.mp4\n")


def read_until(descriptor: int, text: str) -> str:
    shown = ""
    while text not in shown:
        ready, _, _ = select.select([descriptor], [], [], 60)
        assert ready, f"{text!r} never came, after {shown[-300:]!r}"
        shown += os.read(descriptor, 4096).decode(errors="replace")
    return shown


def start(scenario: str, command: str) -> subprocess.Popen[str]:
    """The command line as a process of its own, at the point where it works."""
    process = subprocess.Popen(
        [sys.executable, FAKE, scenario, *command.split()],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    while "learning" not in process.stderr.readline():
        assert process.poll() is None
    return process


def test_ctrl_c_while_learning_still_makes_the_video() -> None:
    process = start("learn", "transfer a.mp4 b.mp4 -o c.mp4")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "stopping early" in err and "rendering: 5/5 frames" in err
    assert out.startswith("c.mp4\n")


def test_ctrl_c_anywhere_else_ends_with_130() -> None:
    process = start("learn", "pose a.mp4 -o p.npz --json")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(out)["error"]["type"] == "Cancelled"
    assert err.splitlines()[-1].startswith("stopped;") and "Traceback" not in err


def test_a_second_ctrl_c_ends_work_that_does_not_listen() -> None:
    process = start("hang", "train w -o p.safetensors")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "Ctrl-C again" in process.stderr.readline()
    time.sleep(0.3)  # as a hand would: back at work. A signal between handler and sleep waits for the sleep to end
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130 and out == "" and "Traceback" not in err
    assert err.startswith("stopped at once")


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m dancedouble --help | head -c 1; exit ${{PIPESTATUS[0]}}"
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert "Traceback" not in run.stderr and "BrokenPipe" not in run.stderr


def test_help_and_version_answer_without_loading_the_library() -> None:
    code = (
        "import sys; from dancedouble.cli import main; code = main(sys.argv[1:]);"
        "loaded = {'torch', 'cv2', 'av', 'numpy'} & set(sys.modules); sys.exit(str(loaded) if loaded else code)"
    )
    for arguments in (["--help"], ["--version"], ["train", "-h"]):
        run = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
    version = subprocess.run([sys.executable, "-m", "dancedouble", "-V"], capture_output=True, text=True)
    assert version.stdout == f"dancedouble {dancedouble.__version__}\n"


def test_the_demo_does_the_whole_job(
    pipeline: FakePipeline, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    footage = tmp_path / "footage"
    footage.mkdir()
    monkeypatch.setattr("dancedouble.cli.demo.FOOTAGE", footage)
    assert main(["demo", "-o", str(tmp_path / "demo"), "--json"]) == 1
    assert "A_dance.mp4: not there" in json.loads(capsys.readouterr().out)["error"]["message"]
    for name in ("A_dance.mp4", "B_casual.mp4", "B_dance_truth.mp4"):
        (footage / name).touch()
    assert main(["demo", "-o", str(tmp_path / "demo"), "--budget", "3m", "--seed", "1"]) == 0
    verbs = {verb: named for verb, _, named in pipeline.calls}
    assert verbs["transfer"]["budget"] == 180.0 and "synthetic" in verbs["transfer"]["consent"]
    assert verbs["render"] == {"layout": "side-by-side"}
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    out = capsys.readouterr().out
    for key in ("output", "side_by_side", "pose_film", "report", "person"):
        assert report[key] in out
    assert "synthetic" in report["footage"]
    assert report["against_truth"]["transfer"]["body.ssim"] == 0.9
    assert "LPIPS 0.080, SSIM 0.900 of the body (nearest frame filmed: 0.200, 0.800)" in out


def test_the_same_stage_of_another_video_gets_a_bar_of_its_own() -> None:
    view = BarView()
    for done, total, name in ((1, 5, "dance.mp4"), (5, 5, "dance.mp4"), (1, 9, "me.mp4"), (4, 9, "me.mp4")):
        view.show(Progress(stage="people", done=done, total=total, message=name))
    bars = [(bar.completed, bar.total, bar.fields["message"]) for bar in view.bars.tasks]
    assert bars == [(5, 5, "dance.mp4"), (4, 9, "me.mp4")]
