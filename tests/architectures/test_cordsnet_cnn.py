import pytest
import torch

import neurodyn as nd
from neurodyn.architectures.cordsnet import Config as CordsNetConfig
from neurodyn.architectures.cordsnet_cnn import Config, build, fold, twin_config
from neurodyn.schema import make_stimuli
from neurodyn.seeding import torch_generator


def small(depth=4, **changes):
    return build(Config(**{"depth": depth, "channels": 4, "image_size": 32, "n_classes": 3, "in_channels": 2, **changes}), seed=0)


def scrambled(model):
    """Random statistics of all normalisations, some gains negative."""
    generator = torch_generator(1, "bn")
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                for value in (module.weight, module.bias, module.running_mean):
                    value.copy_(torch.randn(value.shape, generator=generator))
                module.running_var.copy_(torch.rand(module.running_var.shape, generator=generator) + 0.2)
    return model


@pytest.mark.parametrize("depth", [2, 4, 8])
@pytest.mark.parametrize("pool", [True, False])
def test_folding_is_exact(depth, pool):
    model = scrambled(small(depth, pool=pool))
    frames = torch.rand((3, 2, 32, 32), generator=torch_generator(0, "x"))
    with torch.no_grad():
        expected, folded = model(frames), fold(model)
        _, currents, logits = folded.run(frames)
        assert float((logits - expected).norm() / expected.norm()) < 1e-5
        for x, y in zip(model.outputs(frames), currents, strict=True):
            assert float((torch.relu(y) - x).norm()) < 1e-5 * float(y.norm())


def test_both_kinds_in_time_end_at_the_same_answer():
    stimuli = make_stimuli(torch.rand((2, 2, 32, 32), generator=torch_generator(0, "x")).numpy())
    instant = small()
    delayed = small(delays=True)
    delayed.load_state_dict(instant.state_dict())
    kept = nd.Record(layers=("readout",))
    at_once = nd.simulate(instant, stimuli, nd.Schedule.steps(before=2, stimulus=6), kept)
    in_time = nd.simulate(delayed, stimuli, nd.Schedule.steps(before=2, stimulus=6), kept)
    assert abs(at_once.values[..., 2:] - at_once.values[..., 2:3]).max() == 0
    assert abs(in_time.values[..., -1] - at_once.values[..., -1]).max() < 1e-4
    assert abs(in_time.values[..., 2] - at_once.values[..., 2]).max() > 1e-3  # one area a step
    nd.check_model(instant)
    nd.check_model(delayed)


def test_equivalent_parameter_count_without_gains_and_dead_biases():
    model = nd.build("cordsnet_cnn", depth=2)
    kernels = sum(p.numel() for n, p in model.named_parameters() if n.endswith(".v"))
    assert kernels + 1000 == 259_368 - sum(2 * m.num_features for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d))


def test_twin_config():
    config = CordsNetConfig(depth=4, channels=8, image_size=32)
    twin = twin_config(config, delays=True)
    assert (twin.depth, twin.channels, twin.delays) == (4, 8, True)
