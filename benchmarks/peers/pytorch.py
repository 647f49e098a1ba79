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


tasks = {"encoder": encoder}


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
        return {}
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
