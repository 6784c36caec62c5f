"""The TSM authors' networks, rebuilt in PyTorch with the same tensor names.

They are written from the papers and the names of the tensors. Tests compare
them with the outputs of the original code in `golden.npz`.
"""

import torch
from torch import nn

_RESNETS = {
    18: (2, (2, 2, 2, 2)),
    34: (2, (3, 4, 6, 3)),
    50: (3, (3, 4, 6, 3)),
    101: (3, (3, 4, 23, 3)),
}
# Expansion, channels, blocks and the stride of the first block.
_MOBILENET_V2 = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_NON_LOCAL = {(2, 0), (2, 2), (3, 0), (3, 2), (3, 4)}


class Shift(nn.Module):
    """Shifts an eighth of the channels each way, then applies `net`."""

    def __init__(self, net, segments):
        super().__init__()
        self.net, self.segments = net, segments

    def forward(self, x):
        clips = x.unflatten(0, (-1, self.segments))
        fold = x.shape[1] // 8
        shifted = clips.clone()
        shifted[:, :, : 2 * fold] = 0
        shifted[:, :-1, :fold] = clips[:, 1:, :fold]
        shifted[:, 1:, fold : 2 * fold] = clips[:, :-1, fold : 2 * fold]
        return self.net(shifted.flatten(0, 1))


class NonLocal(nn.Module):
    """Embedded Gaussian attention over all positions of a clip."""

    def __init__(self, channels):
        super().__init__()
        inner = channels // 2
        pool = nn.MaxPool3d((1, 2, 2))
        self.g = nn.Sequential(nn.Conv3d(channels, inner, 1), pool)
        self.phi = nn.Sequential(nn.Conv3d(channels, inner, 1), pool)
        self.theta = nn.Conv3d(channels, inner, 1)
        self.W = nn.Sequential(
            nn.Conv3d(inner, channels, 1), nn.BatchNorm3d(channels)
        )

    def forward(self, x):
        queries = self.theta(x).flatten(2).transpose(1, 2)
        weights = (queries @ self.phi(x).flatten(2)).softmax(-1)
        mean = weights @ self.g(x).flatten(2).transpose(1, 2)
        mean = mean.transpose(1, 2).unflatten(2, x.shape[2:])
        return self.W(mean) + x


class WithNonLocal(nn.Module):
    """A block of a ResNet, followed by a non-local block."""

    def __init__(self, block, channels, segments):
        super().__init__()
        self.block, self.nl, self.segments = block, NonLocal(channels), segments

    def forward(self, x):
        clips = self.block(x).unflatten(0, (-1, self.segments))
        return self.nl(clips.transpose(1, 2)).transpose(1, 2).flatten(0, 1)


class Block(nn.Module):
    """A residual block of two or three convolutions."""

    def __init__(self, inputs, filters, stride, depth):
        super().__init__()
        outputs = filters * (4 if depth == 3 else 1)
        plan = {
            2: ((3, filters, stride), (3, filters, 1)),
            3: ((1, filters, 1), (3, filters, stride), (1, outputs, 1)),
        }[depth]
        self.depth, channels = depth, inputs
        for index, (kernel, width, step) in enumerate(plan, 1):
            conv = nn.Conv2d(
                channels, width, kernel, step, kernel // 2, bias=False
            )
            self.add_module(f"conv{index}", conv)
            self.add_module(f"bn{index}", nn.BatchNorm2d(width))
            channels = width
        self.downsample = None
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                nn.BatchNorm2d(outputs),
            )

    def forward(self, x):
        identity = self.downsample(x) if self.downsample else x
        for index in range(1, self.depth + 1):
            x = getattr(self, f"bn{index}")(getattr(self, f"conv{index}")(x))
            x = x.relu() if index < self.depth else x
        return (x + identity).relu()


class ResNet(nn.Module):
    """A ResNet up to its pool, with shifts if `segments` is given."""

    def __init__(self, depth, *, segments=None, channels=3, non_local=False):
        super().__init__()
        convolutions, stages = _RESNETS[depth]
        self.conv1 = nn.Conv2d(channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        every = 2 if stages[2] >= 23 else 1
        inputs = 64
        for stage, blocks in enumerate(stages, 1):
            layers = []
            for index in range(blocks):
                filters = 32 * 2**stage
                stride = 2 if stage > 1 and index == 0 else 1
                block = Block(inputs, filters, stride, convolutions)
                inputs = filters * (4 if convolutions == 3 else 1)
                if segments and index % every == 0:
                    block.conv1 = Shift(block.conv1, segments)
                if non_local and (stage, index) in _NON_LOCAL:
                    block = WithNonLocal(block, inputs, segments)
                layers.append(block)
            self.add_module(f"layer{stage}", nn.Sequential(*layers))
        self.features = inputs

    def forward(self, x):
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return x.mean((2, 3))


class InvertedResidual(nn.Module):
    """A block of MobileNetV2; with a cache it takes one frame of a stream."""

    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.is_residual = stride == 1 and inputs == outputs
        self.is_shifted = self.is_residual and expansion > 1
        expand = _conv(inputs, hidden, 1) if expansion > 1 else []
        self.conv = nn.Sequential(
            *expand,
            *_conv(hidden, hidden, 3, stride, groups=hidden),
            *_conv(hidden, outputs, 1)[:2],
        )

    def forward(self, x, cache=None):
        branch = x
        if cache is not None:
            branch = torch.cat((cache, x[:, cache.shape[1] :]), 1)
        return self.conv(branch) + (x if self.is_residual else 0)


class MobileNetV2(nn.Module):
    """MobileNetV2 up to its pool, with shifts if `segments` is given."""

    def __init__(self, *, segments=None):
        super().__init__()
        layers, inputs = [nn.Sequential(*_conv(3, 32, 3, 2))], 32
        for expansion, outputs, blocks, stride in _MOBILENET_V2:
            for index in range(blocks):
                step = stride if index == 0 else 1
                block = InvertedResidual(inputs, outputs, step, expansion)
                if segments and block.is_shifted:
                    block.conv[0] = Shift(block.conv[0], segments)
                layers.append(block)
                inputs = outputs
        layers.append(nn.Sequential(*_conv(inputs, 1280, 1)))
        self.features = nn.Sequential(*layers)

    def forward(self, x):
        return self.features(x).mean((2, 3))


class Online(nn.Module):
    """The online demo's network: one frame and its caches in and out."""

    def __init__(self, classes):
        super().__init__()
        self.features = MobileNetV2().features
        self.classifier = nn.Linear(1280, classes)

    def forward(self, x, caches):
        fresh = []
        for layer in self.features:
            if getattr(layer, "is_shifted", False):
                fold = x.shape[1] // 8
                cache = caches[len(fresh)] if caches else x[:, :fold] * 0
                fresh.append(x[:, :fold])
                x = layer(x, cache)
            else:
                x = layer(x)
        return self.classifier(x.mean((2, 3))), fresh


class Recognizer(nn.Module):
    """Backbone and classifier; frames of clips in, logits of frames out."""

    def __init__(self, backbone, features, classes):
        super().__init__()
        self.base_model = backbone
        self.new_fc = nn.Linear(features, classes)

    def forward(self, frames):
        return self.new_fc(self.base_model(frames))


def recognizer(network, classes, **options):
    """Returns the network that the authors' code calls `network`."""
    if network == "mobilenetv2":
        return Recognizer(MobileNetV2(**options), 1280, classes)
    backbone = ResNet(int(network[len("resnet") :]), **options)
    return Recognizer(backbone, backbone.features, classes)


def _conv(inputs, outputs, kernel, stride=1, groups=1):
    return [
        nn.Conv2d(
            inputs,
            outputs,
            kernel,
            stride,
            kernel // 2,
            groups=groups,
            bias=False,
        ),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    ]
