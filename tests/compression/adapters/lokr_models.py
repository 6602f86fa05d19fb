"""A small model, and LoKr files for it by the libraries whose format they are."""

import logging

import torch
from safetensors.torch import load_file
from torch import nn

LAYERS = ["conv", "point", "encoder.0", "encoder.1"]


class Net(nn.Module):
    """Convolutions, linear layers and names with dots."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, stride=2, padding=1)
        self.point = nn.Conv2d(8, 12, 1)
        self.encoder = nn.ModuleList([nn.Linear(12, 32), nn.Linear(32, 18)])
        self.head = nn.Linear(18, 6)

    def forward(self, x):
        x = self.point(self.conv(x).relu()).relu().mean((2, 3))
        for layer in self.encoder:
            x = layer(x).relu()
        return self.head(x)


def make_net(dtype=torch.float32):
    torch.manual_seed(0)
    return Net().to(dtype).eval()


def images(dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    return 3 * torch.randn(6, 4, 9, 9, generator=generator, dtype=dtype)


def peft_folder(folder, dtype=torch.float32, **settings):
    """Write a PEFT folder with drawn weights; give back PEFT's outputs for `images`."""
    import peft

    settings = {"target_modules": LAYERS, "init_weights": False, **settings}
    model = peft.get_peft_model(make_net(dtype), peft.LoKrConfig(**settings)).eval()
    model.save_pretrained(folder)
    return model(images(dtype)).detach()


def lycoris_file(path, *, kinds=("Conv2d", "Linear"), scalar=None, **settings):
    """Write a LyCORIS file with drawn weights; give back LyCORIS' outputs for `images`."""
    from lycoris import LycorisNetwork

    logging.getLogger("LyCORIS").setLevel(logging.ERROR)
    LycorisNetwork.apply_preset({"target_module": list(kinds), "target_name": []})
    net = make_net()
    settings = {"lora_dim": 2, "conv_lora_dim": 2, "alpha": 1, "conv_alpha": 1, **settings}
    network = LycorisNetwork(net, network_module="lokr", **settings)
    network.apply_to()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("scalar"):
                parameter.fill_(scalar)
            elif "lokr" in name:
                parameter.normal_(generator=generator).mul_(0.3)
    network.eval().save_weights(str(path), None, {})
    return net(images()).detach()


def tensors_of(path):
    return load_file(path)


def assert_near(actual, expected, most):
    """Compare outputs over the largest of them."""
    assert distance(actual, expected) <= most


def distance(actual, expected):
    """The largest difference over the largest value."""
    actual, expected = actual.detach(), expected.detach()
    return float((actual - expected).abs().max() / expected.abs().max())


def unchanged(net):
    """Whether a net is still what `make_net` gives, with every parameter learning."""
    plain = make_net()
    return (
        [type(module) for module in net.modules()] == [type(module) for module in plain.modules()]
        and all(map(torch.equal, net.parameters(), plain.parameters()))
        and all(parameter.requires_grad for parameter in net.parameters())
    )
