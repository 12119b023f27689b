import pytest
import torch

from frazil.compute.device import choose_device
from frazil.model.errors import InputError


def test_cpu_and_auto() -> None:
    assert choose_device("cpu").type == "cpu"
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize("name", ["gpu", "mps", "cuda:99"])
def test_what_is_not_there_is_said(name: str) -> None:
    with pytest.raises(InputError, match=name):
        choose_device(name)
