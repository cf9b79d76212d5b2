"""Weights of SPARNet under its authors' names, and their code's arithmetic."""

import torch
import torch.nn.functional as F

WIDTHS, UNITS, MIDDLE = (6, 8, 12), 2, 5
STATISTICS = ("weight", "bias", "running_mean", "running_var")


class Published:
    """A state_dict with the names and shapes of the authors' code, and what their code computes from it in eval mode."""

    def __init__(self, instance: bool, maps_per_channel: bool, levels: int = 2):
        self.instance, self.levels, self.state = instance, levels, {}
        deepest = len(WIDTHS) - 1
        self.conv("encoder.0", 3, WIDTHS[0])
        self.units = []
        for i in range(deepest):
            self.unit(f"encoder.{i + 1}", WIDTHS[i], WIDTHS[i + 1], "down", levels + deepest - 1 - i, maps_per_channel)
        for i in range(UNITS):
            self.unit(f"res_layers.{i}", WIDTHS[-1], WIDTHS[-1], "none", levels, maps_per_channel)
        for i in range(deepest):
            c_in, c_out = WIDTHS[deepest - i], WIDTHS[deepest - i - 1]
            self.unit(f"decoder.{i}", c_in, c_out, "up", levels + 1 + i, maps_per_channel)
        self.conv("out_conv", WIDTHS[0], 3)

    def conv(self, name, c_in, c_out, bias=True):
        weight = torch.randn(c_out, c_in, 3, 3) / (9 * c_in) ** 0.5
        if self.instance:  # spectral normalisation: the weight, and the vectors that estimate its singular value
            _, _, v = torch.linalg.svd(weight.flatten(1), full_matrices=False)
            u = F.normalize(weight.flatten(1) @ v[0], dim=0)
            self.state |= {f"{name}.conv2d.weight_orig": weight, f"{name}.conv2d.weight_u": u}
            self.state[f"{name}.conv2d.weight_v"] = v[0]
        else:
            self.state[f"{name}.conv2d.weight"] = weight
        if bias:
            self.state[f"{name}.conv2d.bias"] = torch.randn(c_out)

    def norm(self, name, channels):
        self.state |= {f"{name}.weight": torch.rand(channels) + 0.5, f"{name}.bias": torch.randn(channels)}
        if not self.instance:
            self.state |= {
                f"{name}.running_mean": torch.randn(channels),
                f"{name}.running_var": torch.rand(channels) + 0.5,
                f"{name}.num_batches_tracked": torch.tensor(7),
            }

    def conv_norm(self, name, c_in, c_out):
        self.conv(name, c_in, c_out, bias=False)
        self.norm(f"{name}.norm.norm", c_out)

    def unit(self, name, c_in, c_out, scale, levels, maps_per_channel):
        self.units.append((name, scale, levels))
        if scale != "none":
            self.conv(f"{name}.shortcut_func", c_in, c_out)
        self.norm(f"{name}.preact_func.0.norm", c_in)
        self.conv_norm(f"{name}.conv1", c_in, c_out)
        self.conv_norm(f"{name}.conv2", c_out, c_out)
        for level in range(levels, 0, -1):
            inner = c_out if level == levels else MIDDLE
            self.conv_norm(f"{name}.att_func.b1_{level}", inner, MIDDLE)
            self.conv_norm(f"{name}.att_func.b2_{level}", inner, MIDDLE)
            self.conv_norm(f"{name}.att_func.b3_{level}", MIDDLE, MIDDLE)
        self.conv_norm(f"{name}.att_func.b2_plus_1", MIDDLE, MIDDLE)
        self.conv(f"{name}.att_func.out_block.0", MIDDLE, c_out if maps_per_channel else 1)

    def apply_conv(self, name, x, stride=1):
        if self.instance:
            weight, u, v = (self.state[f"{name}.conv2d.weight_{part}"] for part in ("orig", "u", "v"))
            weight = weight / (u @ weight.flatten(1) @ v)
        else:
            weight = self.state[f"{name}.conv2d.weight"]
        return F.conv2d(F.pad(x, (1, 1, 1, 1), "reflect"), weight, self.state.get(f"{name}.conv2d.bias"), stride)

    def apply_norm(self, name, x):
        weight, bias, mean, variance = (self.state.get(f"{name}.{statistic}") for statistic in STATISTICS)
        if self.instance:
            return F.instance_norm(x, weight=weight, bias=bias)
        return F.batch_norm(x, mean, variance, weight, bias)

    def apply_conv_norm(self, name, x, stride=1):
        return F.leaky_relu(self.apply_norm(f"{name}.norm.norm", self.apply_conv(name, x, stride)), 0.2)

    def apply_hourglass(self, name, x, level):
        low = self.apply_conv_norm(f"{name}.b2_{level}", x, stride=2)
        inmost = level == 1
        low = self.apply_conv_norm(f"{name}.b2_plus_1", low) if inmost else self.apply_hourglass(name, low, level - 1)
        low = self.apply_conv_norm(f"{name}.b3_{level}", low.repeat_interleave(2, 2).repeat_interleave(2, 3))
        return self.apply_conv_norm(f"{name}.b1_{level}", x) + low

    def __call__(self, x):
        x = self.apply_conv("encoder.0", x)
        for name, scale, levels in self.units:
            stride = 2 if scale == "down" else 1
            f = F.leaky_relu(self.apply_norm(f"{name}.preact_func.0.norm", x), 0.2)
            if scale == "up":
                x, f = (tensor.repeat_interleave(2, 2).repeat_interleave(2, 3) for tensor in (x, f))
            f = self.apply_conv_norm(f"{name}.conv1", f)
            f = self.apply_norm(f"{name}.conv2.norm.norm", self.apply_conv(f"{name}.conv2", f, stride))
            score = self.apply_conv(f"{name}.att_func.out_block.0", self.apply_hourglass(f"{name}.att_func", f, levels))
            shortcut = x if scale == "none" else self.apply_conv(f"{name}.shortcut_func", x, stride)
            x = shortcut + f * torch.sigmoid(score)
        return self.apply_conv("out_conv", x)
