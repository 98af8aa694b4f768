"""The report: what is in report.json, that report.html needs nothing else, and that worst moments are explained."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from dancedouble.coverage import check_coverage
from dancedouble.evaluation.charts import Band, Line, Mark, axis_ticks, draw_chart
from dancedouble.evaluation.definitions import METRICS, REGIONS, define, label_of
from dancedouble.evaluation.frame_metrics import PictureMeter
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.evaluation.html_pictures import Film, ReportPictures, Strip
from dancedouble.evaluation.html_report import build_html, write_report
from dancedouble.evaluation.moments import NO_REASON, NOBODY, explain_frames, find_worst_moments
from dancedouble.evaluation.pose_metrics import compare_poses
from dancedouble.evaluation.report import EvaluationReport, Method, headline
from dancedouble.evaluation.temporal_metrics import MotionMeter
from synthetic_dancer import Studio, arm_dance, make_poses, turning_dance

POSES = make_poses(turning_dance(75))
DOCS = Path(__file__).parents[1] / "docs" / "evaluation.md"


def random_table(level: float, seed: int) -> FrameTable:
    random = np.random.default_rng(seed)
    return FrameTable(
        {
            "body.lpips_alex": level + 0.02 * random.random(75),
            "body.ssim": 1 - level - 0.1 * random.random(75),
            "face.lpips_alex": np.where(np.arange(75) % 5, level, np.nan),
            "pose.distance_body": np.full(75, np.nan),
            "pose.missed_hands": np.arange(75) % 3.0,
        }
    )


def make_report() -> EvaluationReport:
    ours = random_table(0.1, 0)
    uncovered = tuple("back turned" if 30 <= i < 40 else None for i in range(75))
    return EvaluationReport(
        clip="casual <clip>", synthetic=True, protocol="Trained on 80 %, tested on the rest.",
        fps=25.0, first_frame=300,
        methods=(
            Method(
                name="swift", title="swift", table=ours, settings={"steps": 900},
                curves={"loss": [(0.0, 2.0), (30.0, 1.0), (60.0, 0.7)]},
            ),
            Method(name="nearest", title="nearest training frame", table=random_table(0.2, 1)),
        ),
        moments=find_worst_moments(ours, "body.lpips_alex", POSES, uncovered=uncovered),
        moments_of="body.lpips_alex", seed=7, uncovered=uncovered,
        coverage=check_coverage(POSES, make_poses(arm_dance(50))).to_dict(), rank_correlation=0.61,
        files={"casual.mp4": "ab" * 32}, settings={"budget": "5m"},
    )  # fmt: skip


def test_json_holds_every_number_with_its_definition() -> None:
    content = json.loads(json.dumps(make_report().to_dict(), allow_nan=False))
    assert content["format"] == "dancedouble-evaluation" and content["version"] == 1
    assert content["seed"] == 7 and content["files"] == {"casual.mp4": "ab" * 32}
    assert content["versions"]["torch"]
    swift, nearest = content["methods"]
    for method in (swift, nearest):
        assert method["metrics"].keys() <= content["definitions"].keys()
        assert method["metrics"].keys() == method["frames"].keys()
        assert {len(column) for column in method["frames"].values()} == {75}
    interval = swift["metrics"]["body.lpips_alex"]
    assert interval["low"] < interval["mean"] < interval["high"] and interval["worst"] > interval["high"]
    assert swift["metrics"]["pose.distance_body"]["mean"] is None
    assert nearest["metrics"]["body.lpips_alex"]["first_minus_this"]["high"] < 0
    assert len(content["worst"]["moments"]) == 10
    assert content["coverage"]["covered"] < 1 and content["coverage_rank_correlation"] == 0.61


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    write_report(tmp_path, make_report(), ReportPictures())
    first = [(tmp_path / name).read_bytes() for name in ("report.json", "report.html")]
    write_report(tmp_path, make_report(), ReportPictures())
    assert [(tmp_path / name).read_bytes() for name in ("report.json", "report.html")] == first


def test_headline_compares_with_the_baseline_and_says_synthetic() -> None:
    text = headline(make_report())
    assert text.startswith("swift is 48 % closer to the truth than the nearest training frame: LPIPS (alex), body 0.1")
    assert "against 0.21" in text and text.endswith("on synthetic footage.")


def test_a_difference_within_the_noise_is_called_none() -> None:
    report = make_report()
    swift, nearest = report.methods
    assert (
        report.ahead("body.lpips_alex", nearest) == "better" and report.ahead("pose.distance_body", nearest) == "even"
    )
    worse = replace(report, methods=(nearest, swift))
    assert worse.ahead("body.lpips_alex", swift) == "worse" and "% further from the truth" in headline(worse)
    noisy = swift.table["body.lpips_alex"] + np.random.default_rng(5).normal(0, 0.02, 75)
    table = replace(nearest, table=nearest.table.join(FrameTable({"body.lpips_alex": noisy})))
    even = replace(report, methods=(swift, table))
    assert "swift is about as close to the truth as the nearest training frame" in headline(even)
    assert "no clear difference from the nearest" in build_html(even, ReportPictures())


def test_the_expected_line_is_drawn_only_where_it_predicts() -> None:
    curve = {"difficulty": [0.0, 1.0], "error": [0.1, 0.2]}
    report = replace(make_report(), quality_curve=curve)
    expected = report.expected()
    assert expected is not None and len(expected) == 75 and expected[37] > expected[0], "the back was never filmed"
    assert "expected of these poses" in build_html(report, ReportPictures())
    weak = build_html(replace(report, rank_correlation=0.3), ReportPictures())
    assert "expected of these poses" not in weak and "do not predict well" in weak
    assert make_report().expected() is None


def test_methods_must_cover_the_same_frames() -> None:
    report = make_report()
    short = Method(name="short", title="short", table=FrameTable({"body.ssim": np.zeros(3)}))
    with pytest.raises(ValueError, match="same frames"):
        replace(report, methods=(*report.methods, short))


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.links += [str(values[key]) for key in ("src", "href") if key in values]
        self.ids |= {str(values["id"])} if "id" in values else set()
        if tag not in {"meta", "img", "source", "br", "path", "line", "rect"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in {"path", "line", "rect"}:
            assert self.open.pop() == tag, f"</{tag}> closes something else"


def parse(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def test_html_is_well_formed_and_needs_nothing_from_outside() -> None:
    studio = Studio()
    report = make_report()
    picture = studio.draw(POSES, 0)
    pictures = ReportPictures(
        film=Film(labels=("truth", "swift"), rows=[[picture, picture], [picture, picture[:, ::-1]]], fps=12.5),
        strips=[Strip(caption="at 1 s", pictures=[("truth", picture), ("swift", picture)])],
        moments={moment.frame: [("result", picture), ("truth", picture)] for moment in report.moments},
        contact_sheet=picture,
    )
    html = build_html(report, pictures)
    page = parse(html)
    assert "script" not in page.tags and "link" not in page.tags
    assert page.tags.count("img") == 1 + 2 + 20 + 1
    inside = [link for link in page.links if link.startswith("#")]
    assert all(link.startswith(("data:image/jpeg;base64,", "data:image/webp;base64,", "#")) for link in page.links)
    assert len(inside) == 10 and {link[1:] for link in inside} <= page.ids
    assert not re.search(r"https?://|@import|url\(", html)
    assert "casual &lt;clip&gt;" in html and "<clip>" not in html
    assert "pose not covered: back turned" in html
    assert html.count("Mean pose distance") == 0, "a table without numbers is left out"


def test_html_of_the_least_report() -> None:
    table = FrameTable({"body.ssim": np.array([0.5, 0.6])})
    report = EvaluationReport(
        clip="clip", synthetic=False, protocol="", fps=25.0, first_frame=0,
        methods=(Method(name="a", title="A", table=table),),
        moments=(), moments_of="body.ssim", seed=0,
    )  # fmt: skip
    page = parse(build_html(report, ReportPictures()))
    assert "img" not in page.tags
    json.dumps(report.to_dict(), allow_nan=False)


def test_every_column_the_metrics_make_is_defined_and_documented() -> None:
    from dancedouble.evaluation.frame_metrics import compare_frames

    studio, poses = Studio(), POSES[:2]
    frames = studio.draw_all(poses)
    masks = [(frame != studio.wall).any(axis=2) for frame in frames]

    def nothing(a: object, b: object) -> object:
        return a[:, 0, 0, 0]  # type: ignore[index]

    names = {"lpips_alex": nothing, "lpips_vgg": nothing}
    meters = [PictureMeter(perceptual=names), MotionMeter()]  # type: ignore[arg-type]
    table = compare_frames(frames, frames, poses, meters=meters, masks=masks).join(compare_poses(poses, poses))
    page = DOCS.read_text(encoding="utf-8")
    for name in table.names:
        assert define(name)["definition"]
    for metric in METRICS:
        assert f"`{metric}`" in page, f"{metric} is not in docs/evaluation.md"
    for region in REGIONS:
        assert f"`{region}`" in page


def test_labels_say_each_thing_once() -> None:
    assert label_of("body.ssim") == "SSIM, body"
    assert label_of("pose.missed_hands") == "missed detections, hands"
    assert label_of("pose.torso_error") == "pose error"
    assert label_of("background.flicker") == "background flicker"
    assert label_of("face.distance") == "face distance"


def test_best_of_a_column() -> None:
    report = make_report()
    assert report.best("body.lpips_alex") == report.best("body.ssim") == "swift"
    assert report.best("pose.distance_body") is None


def test_unknown_columns_are_refused() -> None:
    with pytest.raises(KeyError, match="no known metric"):
        define("body.beauty")


def test_worst_moments_are_the_worst_and_apart() -> None:
    values = np.zeros(75)
    values[[10, 11, 12, 50]] = [0.5, 0.9, 0.8, 0.3]
    moments = find_worst_moments(FrameTable({"body.lpips_alex": values}), "body.lpips_alex", POSES, count=2)
    assert [moment.frame for moment in moments] == [11, 50]
    moments = find_worst_moments(FrameTable({"body.ssim": 1 - values}), "body.ssim", POSES, count=2)
    assert [moment.frame for moment in moments] == [11, 50]
    nothing = FrameTable({"body.ssim": np.full(75, np.nan)})
    assert find_worst_moments(nothing, "body.ssim", POSES) == ()


def test_reasons() -> None:
    poses = make_poses(arm_dance(60))
    assert explain_frames(poses) == [NO_REASON] * 60
    score, xy = poses.score.copy(), poses.xy.copy()
    score[10] *= 0.4
    xy[20:, :, 1] += 60
    xy[40] += 30
    uncovered: list[str | None] = [None] * 60
    uncovered[5] = "left arm above the head"
    reasons = explain_frames(replace(poses, xy=xy, score=score), uncovered)
    assert reasons[5] == "pose not covered: left arm above the head"
    assert reasons[10] == "low pose confidence"
    assert "out of frame" in reasons[30] and "fast motion" in reasons[40]
    assert reasons[50] == reasons[30]
    distance = np.full(60, 0.1)
    distance[[5, 50]] = 0.2
    reasons = explain_frames(poses, uncovered, distance)
    assert reasons[50] == "unlike most of what was filmed" and reasons[5].startswith("pose not covered: left")
    assert "unlike" not in reasons[5] and reasons[6] == NO_REASON


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.101, 0.104), (3.0, 950.0), (-2.0, 5.0), (0.5, 0.5)])
def test_axis_ticks_hold_the_values(low: float, high: float) -> None:
    ticks = axis_ticks(low, high)
    assert ticks[0] <= low and ticks[-1] >= high and 2 <= len(ticks) <= 7
    assert len(set(np.round(np.diff(ticks), 9))) == 1


def test_chart_breaks_lines_at_missing_values_and_places_marks() -> None:
    line = Line(label="a", x=[0, 1, 2, 3], y=[0.0, 1.0, float("nan"), 0.5], color=1)
    chart = draw_chart(
        [line], title="t", x_unit="s", marks=[Mark(x=1, y=1.0, label="why", href="#m1", text="1")],
        bands=[Band(start=0, end=1.5, label="back turned")],
    )  # fmt: skip
    path = re.search(r'class="line c1" d="([^"]*)"', chart)
    assert path is not None and path[1].count("M") == 2 and path[1].count("L") == 1
    assert "left:33.33%;top:0.00%" in chart and 'width="500.0"' in chart
    assert draw_chart([replace(line, y=[float("nan")] * 4)], title="t", x_unit="s") == ""


def test_a_few_frames_do_not_put_anybody_ahead() -> None:
    report = make_report()
    swift, nearest = report.methods
    seldom = np.full(75, np.nan)
    seldom[:7] = 0.1
    methods = tuple(
        replace(m, table=m.table.join(FrameTable({"face.distance": seldom + level})))
        for m, level in ((swift, 0.0), (nearest, 0.5))
    )
    assert replace(report, methods=methods).ahead("face.distance", methods[1]) == "even"


def test_nobody_is_best_by_being_measured_where_it_is_easy() -> None:
    report = make_report()
    swift, nearest = report.methods
    easy = np.where(np.arange(75) < 20, 0.3, np.nan)  # found in the easy frames alone
    all_ = np.where(np.arange(75) < 20, 0.2, 0.6)
    methods = tuple(
        replace(m, table=m.table.join(FrameTable({"face.distance": column})))
        for m, column in ((swift, easy), (nearest, all_))
    )
    assert replace(report, methods=methods).best("face.distance") is None
    assert report.best("body.lpips_alex") == "swift"


def finished_report(found: int) -> EvaluationReport:
    """A finished transfer in whose first ``found`` frames somebody is found."""
    seen = replace(POSES, score=np.where(np.arange(75)[:, None] < found, POSES.score, 0).astype(np.float32))
    table = compare_poses(seen, POSES)
    lost = np.isnan(table["pose.torso_error"])
    return replace(
        make_report(), methods=(Method(name="result", title="out.mp4", table=table),), moments_of="pose.torso_error",
        moments=find_worst_moments(table, "pose.torso_error", POSES, lost=lost), quality_curve=None,
    )  # fmt: skip


def test_a_result_in_which_nobody_is_found_says_so() -> None:
    assert headline(finished_report(75)).startswith("out.mp4 shows the poses of the dance to within 0 % of a torso: ")
    some = finished_report(20)
    assert "where somebody is found (20 of 75 frames)" in headline(some)
    assert some.moments[0].reason == NOBODY and some.moments[0].frame >= 20
    assert json.loads(json.dumps(some.to_dict(), allow_nan=False))["worst"]["moments"][0]["value"] is None
    assert NOBODY in build_html(some, ReportPictures())
    none = finished_report(0)
    assert headline(none).startswith("out.mp4 shows nobody") and "nan" not in headline(none)
    build_html(none, ReportPictures())


def test_another_network_is_asked_only_where_it_did_not_teach() -> None:
    report = make_report()
    question = "a network that did not teach it"
    for judge, asked in (("LPIPS (AlexNet)", True), ("VGG16", False)):
        methods = tuple(
            replace(
                m, table=m.table.join(FrameTable({"body.lpips_vgg": np.full(75, 0.2)})), settings={"taught by": judge}
            )
            for m in report.methods
        )
        assert (question in build_html(replace(report, methods=methods), ReportPictures())) == asked
