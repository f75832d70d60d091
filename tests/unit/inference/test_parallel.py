"""Several windows at once.

Authors
 * The speechbrain_flashsr developers 2026
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from speechbrain_flashsr.inference.parallel import count_workers, map_in_order


@pytest.fixture
def four_threads():
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(threads)


def test_results_keep_their_order(four_threads):
    first = threading.Event()

    def process(number):
        if number == 0:
            assert first.wait(20)  # until the second is done
        elif number == 1:
            first.set()
        assert not torch.is_grad_enabled()
        return number, torch.get_num_threads()

    assert list(map_in_order(process, range(5), 2)) == [
        (number, 2) for number in range(5)
    ]
    assert torch.get_num_threads() == 4


def test_items_are_taken_as_they_are_needed(four_threads):
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = map_in_order(lambda number: number, items(), 2)
    assert next(results) == 0
    assert len(taken) == 3
    results.close()
    assert torch.get_num_threads() == 4


def test_an_error_ends_the_work(four_threads):
    def process(number):
        if number == 1:
            raise ValueError("the second")
        return number

    with pytest.raises(ValueError, match="the second"):
        list(map_in_order(process, range(5), 2))
    assert torch.get_num_threads() == 4


def test_only_the_main_thread_shares_its_threads(four_threads):
    """Two would take each other's number of threads for the process's."""
    model = torch.nn.Linear(1, 1)
    assert count_workers(model, "cpu", num_calls=9) == 4
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(count_workers, model, "cpu", 9).result() == 1


def test_a_single_call_gets_all_threads(four_threads):
    assert count_workers(torch.nn.Linear(1, 1), "cpu", num_calls=1) == 1
