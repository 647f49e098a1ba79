"""Serves pytorch.ts: one JSON request a line on standard input, one JSON answer a line on standard output.

prepare: makes the task ready. run: does it n times and tells the milliseconds. results: writes what it computes to a file.
Names of weights are PyTorch's, so that every model here loads them as they are.
"""

import json
import math
import sys
import time

import numpy
import torch
from torch import nn
from torch.nn import functional as F


def encoder(options, arrays):
    """The 6 layers of torch.nn.TransformerEncoder in inference mode, which takes PyTorch's fast path."""
    layer = nn.TransformerEncoderLayer(
        options["width"],
        options["heads"],
        options["hidden"],
        dropout=0.0,
        activation="gelu",
        layer_norm_eps=options["eps"],
        batch_first=True,
    )
    model = nn.TransformerEncoder(layer, options["layers"], enable_nested_tensor=False)
    x, lengths = arrays.pop("x"), arrays.pop("lengths")
    model.load_state_dict(arrays)
    model.eval()
    hidden = torch.arange(x.shape[1])[None, :] >= lengths[:, None]

    def step():
        with torch.inference_mode():
            return model(x, src_key_padding_mask=hidden)

    return step, lambda: {"y": step()}


class Block(nn.Module):
    """nanoGPT's, with its names; biases are off in its recipe."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width, bias=False)
        self.ln_2 = nn.LayerNorm(width, bias=False)
        self.attn = nn.ModuleDict({"c_attn": nn.Linear(width, 3 * width, bias=False), "c_proj": nn.Linear(width, width, bias=False)})
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width, bias=False), "c_proj": nn.Linear(4 * width, width, bias=False)})

    def forward(self, x):
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in self.attn["c_attn"](self.ln_1(x)).chunk(3, -1))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + self.attn["c_proj"](attended)
        return x + self.mlp["c_proj"](F.gelu(self.mlp["c_fc"](self.ln_2(x))))


class Gpt(nn.Module):
    def __init__(self, layers, heads, width, tokens, vocabulary):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(tokens, width)
        self.h = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width, bias=False)

    def forward(self, ids):
        x = self.wte(ids) + self.wpe.weight
        for block in self.h:
            x = block(x)
        return F.linear(self.ln_f(x), self.wte.weight)


def training(options, loss, optimizer, parameters):
    """Steps, and the losses of the first ones. The loss is read in each step, as everywhere else."""
    taken = 0

    def step():
        nonlocal taken
        value = loss(taken)
        taken += 1
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        if options.get("clip"):
            nn.utils.clip_grad_norm_(parameters, options["clip"])
        optimizer.step()
        return value.item()

    return step, lambda: {"losses": torch.tensor([step() for _ in range(options["compared"])])}


def nanogpt(options, arrays):
    ids, targets = arrays.pop("ids").long(), arrays.pop("targets").long()
    model = Gpt(*(options[name] for name in ("layers", "heads", "width", "tokens", "vocabulary")))
    model.load_state_dict(arrays)
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() == 2], "weight_decay": options["weightDecay"]},
        {"params": [p for p in parameters if p.dim() != 2], "weight_decay": 0.0},
    ]
    betas = options["beta1"], options["beta2"]
    optimizer = torch.optim.AdamW(groups, lr=options["lr"], betas=betas, eps=options["eps"], fused=True)

    def loss(i):
        at = i % len(ids)
        return F.cross_entropy(model(ids[at]).flatten(0, 1), targets[at].flatten())

    return training(options, loss, optimizer, parameters)


class Seq2Seq(nn.Module):
    """torch.nn.Transformer between embeddings; the target's is the output projection, too."""

    def __init__(self, options, positions):
        super().__init__()
        width = options["width"]
        self.src_embedding = nn.Embedding(options["vocabulary"], width)
        self.tgt_embedding = nn.Embedding(options["vocabulary"], width)
        layers = options["layers"]
        self.transformer = nn.Transformer(width, options["heads"], layers, layers, options["hidden"], dropout=0.0, batch_first=True)
        self.positions = positions
        self.causal = nn.Transformer.generate_square_subsequent_mask(options["tokens"])
        self.pad = options["pad"]

    def forward(self, source, target):
        scale = math.sqrt(self.positions.shape[-1])
        hidden = source == self.pad
        y = self.transformer(
            self.src_embedding(source) * scale + self.positions,
            self.tgt_embedding(target) * scale + self.positions,
            tgt_mask=self.causal,
            tgt_is_causal=True,
            src_key_padding_mask=hidden,
            memory_key_padding_mask=hidden,
        )
        return F.linear(y, self.tgt_embedding.weight)


def seq2seq(options, arrays):
    source, target, answer = (arrays.pop(name).long() for name in ("source", "target", "answer"))
    model = Seq2Seq(options, arrays.pop("positions"))
    model.load_state_dict(arrays)
    parameters = list(model.parameters())
    betas = options["beta1"], options["beta2"]
    optimizer = torch.optim.Adam(parameters, lr=options["lr"], betas=betas, eps=options["eps"], fused=True)

    def loss(i):
        at = i % len(source)
        logits = model(source[at], target[at])
        return F.cross_entropy(logits.flatten(0, 1), answer[at].flatten(), ignore_index=options["pad"])

    return training(options, loss, optimizer, parameters)


tasks = {"encoder": encoder, "nanogpt": nanogpt, "seq2seq": seq2seq}


def read(place):
    dtype = numpy.dtype(place["dtype"])
    count = math.prod(place["shape"])
    data = numpy.fromfile(place["file"], dtype, count, offset=place["from"])
    return torch.from_numpy(data.reshape(place["shape"]))


def write(file, arrays):
    places, chunks, at = {}, [], 0
    for name, array in arrays.items():
        flat = array.detach().float().numpy().ravel()
        places[name] = [at, flat.size]
        chunks.append(flat)
        at += flat.size
    numpy.concatenate(chunks).tofile(file)
    return places


def answer(request, state):
    if request["do"] == "prepare":
        arrays = {name: read(place) for name, place in request["arrays"].items()}
        state["step"], state["results"] = tasks[request["task"]](request["options"], arrays)
        return {"version": torch.__version__}
    if request["do"] == "run":
        start = time.perf_counter()
        for _ in range(request["n"]):
            state["step"]()
        return {"ms": 1000 * (time.perf_counter() - start)}
    return {"arrays": write(request["file"], state["results"]())}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    torch.manual_seed(0)
    state = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state)
        except Exception as error:  # the table shows it
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


main()
