import pytest

import neurodyn as nd
from neurodyn.analysis import network_cost
from neurodyn.architectures.cordsnet import Config, count_macs
from neurodyn.errors import ModelError


@pytest.mark.parametrize("config", [{"depth": 8}, {"depth": 4, "channels": 6, "image_size": 30, "stem_kernel": 3, "stem_stride": 1, "in_channels": 1}])
def test_counted_arithmetic_is_the_layer_table_s(config):
    model = nd.build("cordsnet", **config)
    ds, expected = network_cost(model), count_macs(Config(**config))
    assert int(ds.macs_once) == expected["once"]
    assert int(ds.macs_step) == expected["step"]
    assert int(ds.n_units) == sum(b.numel() for b in model.area_bias)
    assert int(ds.macs_trial) == expected["once"] + 100 * expected["step"] + int(ds.macs_readout)
    assert model.blank.device.type == "cpu"  # the model itself is left where it was


def test_a_network_without_arithmetic_in_its_step():
    ds = network_cost(nd.build("cordsnet_cnn", depth=2, channels=4, image_size=32), n_steps=1)
    assert int(ds.macs_step) == 0 < int(ds.macs_once)


def test_bad_input():
    with pytest.raises(ModelError, match="the model is a object"):
        network_cost(object())
