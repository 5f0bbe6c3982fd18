import pytest

pytest.importorskip("pyworld", reason="needs the extra `train`")
