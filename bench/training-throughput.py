"""A contender of training-throughput.ts in PyTorch: for every line "run N" on stdin N steps (forward, backward, AdamW). Arguments: model, "" or ":last" (channels last), threads."""
import json, resource, sys, time
import torch, torch.nn as nn, torch.nn.functional as F

name, layout, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.a, self.b = nn.Conv2d(i, o, 3, stride, 1), nn.Conv2d(o, o, 3, 1, 1)
        self.s = nn.Conv2d(i, o, 1, stride) if i != o else nn.Identity()

    def forward(self, x):
        return F.relu(self.b(F.relu(self.a(x))) + self.s(x))


class Layer(nn.Module):
    def __init__(self, width, heads, inner, causal):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def attend(self, x):
        n, t, w = x.shape
        q, k, v = (part.view(n, t, self.heads, -1).transpose(1, 2) for part in self.qkv(x).split(w, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.out(y.transpose(1, 2).reshape(n, t, w))

    def feed(self, x):
        return self.down(F.gelu(self.up(x)))

    def forward(self, x):
        if self.causal:
            x = x + self.attend(self.n1(x))
            return x + self.feed(self.n2(x))
        x = self.n1(x + self.attend(x))
        return self.n2(x + self.feed(x))


class Transformer(nn.Module):
    def __init__(self, layers, width, heads, inner, length, causal):
        super().__init__()
        self.causal = causal
        self.words, self.places = nn.Embedding(8192, width), nn.Embedding(length, width)
        self.layers = nn.ModuleList(Layer(width, heads, inner, causal) for _ in range(layers))
        self.last, self.head = nn.LayerNorm(width), nn.Linear(width, 2)

    def forward(self, ids):
        x = self.words(ids) + self.places.weight[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x)
        return (self.last(x) @ self.words.weight.T).flatten(0, 1) if self.causal else self.head(x[:, 0])


if name == 'resnet20':
    blocks, w = [], 16
    for o in (16, 32, 64):
        for k in range(3):
            blocks.append(Block(w, o, 2 if k == 0 and o != 16 else 1))
            w = o
    model = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    x, y = torch.randn(128, 3, 32, 32), torch.randint(0, 10, (128,))
elif name == 'depthwise':
    widths, parts = [32, 64, 128, 128, 256], [nn.Conv2d(3, 32, 3, 1, 1)]
    for i, o in zip(widths, widths[1:]):
        parts += [nn.Conv2d(i, i, 3, 1, 1, groups=i), nn.ReLU(), nn.Conv2d(i, o, 1), nn.ReLU()]
    model = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))
    x, y = torch.randn(64, 3, 32, 32), torch.randint(0, 10, (64,))
elif name == 'bert':
    model = Transformer(12, 256, 8, 1024, 64, False)
    x, y = torch.randint(0, 8192, (32, 64)), torch.randint(0, 2, (32,))
else:
    model = Transformer(8, 384, 6, 1536, 256, True)
    x = torch.randint(0, 8192, (4, 256))
    y = x.flatten()
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
if layout == ':last':
    model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
optimizer = torch.optim.AdamW(model.parameters())


def step():
    optimizer.zero_grad()
    F.cross_entropy(model(x), y).backward()
    optimizer.step()


step()
for line in sys.stdin:
    count, start = int(line.split()[1]), time.time()
    for _ in range(count):
        step()
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(dict(milliseconds=(time.time() - start) / count * 1000, megabytes=megabytes, base=base)), flush=True)
