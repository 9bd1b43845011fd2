"""Work on all cores: results in order, errors as they are."""

import pytest

from cafemood.core.parallel import on_all_cores


def test_results_come_in_order_and_an_error_comes_out():
    assert on_all_cores(lambda i: i * i, [(i,) for i in range(20)]) == [i * i for i in range(20)]
    with pytest.raises(ZeroDivisionError):
        on_all_cores(lambda i: 1 // i, [(1,), (0,), (2,)])
