"""bfloat16 convolutions are compared with float32 before they are used; clips are read ahead for a GPU."""

import itertools
import threading

import pytest
import torch

from echomort.core.errors import UserError
from echomort.training import bfloat16
from echomort.training.batches import ahead
from echomort.training.bfloat16 import MOST, SIZES, bfloat16_error, require_true_bfloat16


@pytest.mark.parametrize(("dimensions", "sizes"), itertools.product((2, 3), SIZES))
def test_true_convolutions_differ_by_rounding_only(dimensions, sizes):
    assert 1e-4 < bfloat16_error("cpu", dimensions, *sizes) < MOST / 2


def test_wrong_convolutions_are_refused_with_the_remedy(monkeypatch):
    require_true_bfloat16.cache_clear()
    plain = torch.nn.functional.conv3d

    def wrong(maps, weight, padding):
        """A kernel that loses a twentieth of the values in bfloat16."""
        value = plain(maps, weight, padding=padding)
        return torch.where(torch.rand_like(value) < 0.05, 0, value) if torch.is_autocast_enabled("cpu") else value

    monkeypatch.setattr(bfloat16.functional, "conv3d", wrong)
    with pytest.raises(UserError, match=r"set training\.precision: exact"):
        require_true_bfloat16("cpu")
    monkeypatch.undo()
    require_true_bfloat16.cache_clear()
    require_true_bfloat16("cpu")


def test_reading_ahead_keeps_the_order_and_reads_one_further_in_another_thread():
    threads, made = set(), []

    def numbers():
        for number in range(1, 6):
            threads.add(threading.current_thread())
            made.append(number)
            yield number

    for number in ahead(numbers()):
        assert number <= len(made) <= number + 1
        if number == 5:
            break
    assert made == [1, 2, 3, 4, 5] and threading.current_thread() not in threads
    assert list(ahead(numbers())) == [1, 2, 3, 4, 5] and list(ahead([])) == []


def test_an_error_while_reading_ahead_is_raised():
    def failing():
        yield 1
        raise UserError("the clip store changed", "run again")

    with pytest.raises(UserError, match="changed"):
        list(ahead(failing()))
