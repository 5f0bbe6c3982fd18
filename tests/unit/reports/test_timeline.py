from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.analysis_factory import make_analysis
from tests.report_factory import make_report
from veravox.reports.timeline import MOST_BARS, MOST_TICKS, bars, ticks


@given(st.lists(st.none() | st.floats(-9, 9), min_size=1, max_size=700))
def test_bars_cover_the_recording_once_and_keep_the_highest(llrs: list[float | None]) -> None:
    segments = make_report(make_analysis(*llrs)).segments
    drawn = bars(segments)
    assert len(drawn) <= MOST_BARS
    assert drawn[0].start == 0.0
    assert drawn[-1].end == segments[-1].end
    assert all(one.end == other.start for one, other in pairwise(drawn))
    known = [s.spoof_probability for s in segments if s.spoof_probability is not None]
    assert max((b.probability for b in drawn if b.probability is not None), default=None) == max(
        known, default=None
    )
    assert any(bar.spoofed for bar in drawn) == any(s.result == "spoofed" for s in segments)


@given(st.floats(0.1, 43_200))
def test_a_time_axis_has_few_labels_within_the_recording(duration: float) -> None:
    labelled = ticks(duration)
    assert 1 <= len(labelled) <= MOST_TICKS + 1
    assert labelled[0] == 0
    assert labelled[-1] <= duration
