"""Serves tokenizers.ts: one JSON request a line on standard input, one JSON answer a line on standard output."""

import json
import sys
import time

import tokenizers

tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
texts = []


def encode():
    return [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]


for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "prepare":
        texts = request["texts"]
        answer = {"version": tokenizers.__version__, "ids": [i for ids in encode() for i in ids]}
    else:
        start = time.perf_counter()
        for _ in range(request["times"]):
            encode()
        answer = {"ms": (time.perf_counter() - start) * 1000}
    print(json.dumps(answer), flush=True)
