from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("pyworld", reason="needs the extra `train`")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Short signals: more threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
