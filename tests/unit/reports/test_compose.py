from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.analysis_factory import GOOD, make_analysis, make_segment
from tests.report_factory import FILE, make_prediction, make_report, rated_card
from veravox.analysis import ChannelAnalysis
from veravox.detection.verdict import Result, Verdict
from veravox.errors import Conflict
from veravox.predictions import Custody, Status
from veravox.reports.compose import compose


def test_a_report_names_file_model_calibration_and_sender() -> None:
    card = rated_card()
    report = make_report(card=card)
    assert (report.file.sha256, report.file.sha512, report.file.size) == (
        FILE.sha256,
        FILE.sha512,
        FILE.size,
    )
    assert report.file.name == "call.wav"
    assert report.model.card_sha256 == card.digest()
    assert report.model.weights_sha256 == card.sha256
    assert report.model.calibration_id == f"{card.id}@{card.calibration_digest()[:12]}"
    assert (report.custody.tenant_id, report.custody.key_id) == ("tenant-1", "key_1")
    assert [test.title for test in report.model.tests] == ["easy", "hard"]


def test_every_window_is_in_the_report() -> None:
    report = make_report(make_analysis(2.0, None, -3.0))
    assert [segment.spoof_llr for segment in report.segments] == [2.0, None, -3.0]
    assert report.segments[1].reason == "Silence"


def test_split_channels_are_reported_each() -> None:
    channels = tuple(
        ChannelAnalysis(n, GOOD, (make_segment(0, llr),), Verdict(llr, result, None))
        for n, (llr, result) in enumerate(((-4.0, Result.BONAFIDE), (4.0, Result.SPOOFED)))
    )
    report = make_report(make_analysis(4.0, channels=channels))
    assert [(c.channel, c.result) for c in report.channels] == [(0, "bonafide"), (1, "spoofed")]


def test_priors_move_the_probability() -> None:
    posteriors = make_report(make_analysis(3.0)).verdict.posteriors
    chances = [posterior.spoof_probability for posterior in posteriors]
    assert [posterior.prior for posterior in posteriors] == [0.5, 0.1, 0.01, 0.001]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] == pytest.approx(0.952574)


def test_numbers_are_finite_whatever_the_score() -> None:
    report = make_report(make_analysis(float("inf"), -800.0))
    assert "Infinity" not in report.model_dump_json()
    assert "NaN" not in report.model_dump_json()


@pytest.mark.parametrize("status", [Status.QUEUED, Status.FAILED, Status.EXPIRED])
def test_there_is_no_report_without_a_result(status: Status) -> None:
    unfinished = replace(make_prediction(), status=status, analysis=None)
    with pytest.raises(Conflict, match=status):
        compose(unfinished, "tenant-1", rated_card())


def test_there_is_no_report_on_what_was_not_written_down() -> None:
    old = replace(make_prediction(), custody=Custody(received_at=datetime.now(UTC)))
    with pytest.raises(Conflict, match="analyse a recording"):
        compose(old, "tenant-1", rated_card())
    older = replace(make_prediction(), analysis=make_analysis())
    with pytest.raises(Conflict, match="analyse a recording"):
        compose(older, "tenant-1", rated_card())
