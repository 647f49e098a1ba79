"""The same model, data and schedule in PyTorch, to compare with. Nothing in the project needs it.

    pnpm recipe g2p --dump twin.json
    python3 twin.py twin.json --epochs 1

Prints its loss as it goes, and in the end WER and PER on the test words by greedy search, scored as score.ts does.
"""
import argparse, json, math, random, time
import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--lr", type=float, default=1e-3)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--threads", type=int, default=2)
args = parser.parse_args()

torch.set_num_threads(args.threads)
torch.manual_seed(args.seed)
random.seed(args.seed)
data = json.load(open(args.data))
config, pairs, test = data["config"], data["train"], data["test"]
PAD, BOS, EOS = config["pad_token_id"], config["bos_token_id"], config["eos_token_id"]
E = config["d_model"]


class Seq2Seq(nn.Module):
    def __init__(self):
        super().__init__()
        self.src = nn.Embedding(config["src_vocab_size"], E)
        self.tgt = nn.Embedding(config["tgt_vocab_size"], E)
        for table in (self.src, self.tgt):
            nn.init.normal_(table.weight, std=E**-0.5)
        self.core = nn.Transformer(
            E, config["nhead"], config["num_encoder_layers"], config["num_decoder_layers"], config["dim_feedforward"],
            config["dropout"], config["activation"], batch_first=True, norm_first=config["norm_first"])
        for layer in self.core.modules():  # attention weights are not dropped, as in the recipe
            if isinstance(layer, nn.MultiheadAttention):
                layer.dropout = 0.0
        angle = torch.arange(64)[:, None] / 10000 ** (torch.arange(0, E, 2) / E)
        self.register_buffer("positions", torch.stack([angle.sin(), angle.cos()], -1).flatten(1))

    def embed(self, table, ids):
        return F.dropout(table(ids) * math.sqrt(E) + self.positions[: ids.shape[1]], config["dropout"], self.training)

    def encode(self, src):
        return self.core.encoder(self.embed(self.src, src), src_key_padding_mask=src == PAD)

    def decode(self, tgt, memory, src):
        causal = torch.triu(torch.ones(tgt.shape[1], tgt.shape[1], dtype=torch.bool), 1)
        x = self.core.decoder(self.embed(self.tgt, tgt), memory, tgt_mask=causal, memory_key_padding_mask=src == PAD)
        return x @ self.tgt.weight.T


def padded(rows):
    longest = max(map(len, rows))
    return torch.tensor([row + [PAD] * (longest - len(row)) for row in rows])


def epoch_batches():
    order = list(range(len(pairs)))
    random.shuffle(order)
    batches = []
    for start in range(0, len(order), 50 * args.batch):
        pool = sorted(order[start : start + 50 * args.batch], key=lambda i: 64 * len(pairs[i][0]) + len(pairs[i][1]))
        batches += [pool[at : at + args.batch] for at in range(0, len(pool), args.batch)]
    random.shuffle(batches)
    return batches


model = Seq2Seq()
print(f"{sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, torch {torch.__version__}, {args.threads} threads")
optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, betas=(0.9, 0.98), weight_decay=0.01)
total, warmup = args.epochs * math.ceil(len(pairs) / args.batch), 500


def rate(step):
    if step < warmup:
        return (step + 1) / warmup
    return (1 + math.cos(math.pi * min(1, (step - warmup) / (total - warmup)))) / 2


scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
started, step, smoothed = time.time(), 0, None
for _ in range(args.epochs):
    for batch in epoch_batches():
        src, tgt = padded([pairs[i][0] for i in batch]), padded([pairs[i][1] for i in batch])
        logits = model.decode(tgt[:, :-1], model.encode(src), src)
        loss = F.cross_entropy(logits.flatten(0, 1), tgt[:, 1:].flatten(), ignore_index=PAD, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        step += 1
        smoothed = loss.item() if smoothed is None else 0.99 * smoothed + 0.01 * loss.item()
        if step % 100 == 0:
            print(f"{step} of {total}  loss {smoothed:.4f}  {time.time() - started:.0f} s", flush=True)


def distance(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(diagonal + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1]


model.eval()
wrong = errors = length = 0
test.sort(key=lambda entry: len(entry[0]))
with torch.no_grad():
    for start in range(0, len(test), 128):
        part = test[start : start + 128]
        src = padded([ids for ids, _ in part])
        memory, out = model.encode(src), torch.full((len(part), 1), BOS)
        for _ in range(40):
            out = torch.cat([out, model.decode(out, memory, src)[:, -1].argmax(-1, keepdim=True)], 1)
            if bool((out == EOS).any(1).all()):
                break
        for row, (_, answers) in zip(out.tolist(), part):
            said = row[1:]
            said = said[: said.index(EOS)] if EOS in said else said
            best = min((distance(said, answer), len(answer)) for answer in answers)
            wrong, errors, length = wrong + (best[0] > 0), errors + best[0], length + best[1]
print(f"test: {len(test)} words, greedy: WER {100 * wrong / len(test):.2f} %, PER {100 * errors / length:.2f} %")
