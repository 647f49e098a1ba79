import * as ops from '../index.js';
import {
  drawn,
  dropout,
  keep,
  layerNorm,
  linear,
  param,
  parameters,
  Rng,
  reshape,
  scope,
  slice,
  type Tensor,
  transpose,
} from '../index.js';

/*
 * A GPT of one layer in plain operations, with dropout and AdamW, that learns to count: small enough for thousands of steps on a slow
 * backend, with every fused kernel in it but those of rmsNorm.
 */

const [vocabulary, context, width, heads, batch] = [7, 5, 8, 2, 2];

function modelOf(rng: Rng) {
  const weight = (...shape: number[]) =>
    param(
      shape,
      drawn(rng, (size, stream) => ops.mul(ops.randn(size, { rng: stream }), 0.2)),
    );
  const ones = () => param([width], (shape) => () => ops.ones(shape));
  const zeros = (n: number) => param([n], (shape) => () => ops.zeros(shape));
  return {
    tokens: weight(vocabulary, width),
    places: weight(context, width),
    norms: [0, 1, 2].map(() => ({ weight: ones(), bias: zeros(width) })),
    qkv: weight(3 * width, width),
    out: weight(width, width),
    up: { weight: weight(4 * width, width), bias: zeros(4 * width) },
    down: weight(width, 4 * width),
  };
}

type TinyGpt = ReturnType<typeof modelOf>;

/** Logits [B, T, V] of ids [B, T]. */
function forward(model: TinyGpt, ids: Tensor, rng: Rng): Tensor {
  const norm = (x: Tensor, i: number) => layerNorm(x, model.norms[i]!.weight, model.norms[i]!.bias);
  let x = dropout(ops.add(ops.embedding(model.tokens, ids), model.places), 0.1, rng); // [B, T, D]
  const packed = reshape(linear(norm(x, 0), model.qkv), [batch, context, 3 * heads, width / heads]);
  const [q, k, v] = [0, 1, 2].map((i) => transpose(slice(packed, 2, i * heads, (i + 1) * heads), 1, 2)); // [B, H, T, D / H]
  const mixed = reshape(transpose(ops.attention(q!, k!, v!, { causalOffset: 0 }), 1, 2), [batch, context, width]);
  x = ops.add(x, dropout(linear(mixed, model.out), 0.1, rng));
  const wide = linear(norm(x, 1), model.up.weight, model.up.bias, { activation: 'gelu' }); // [B, T, 4 D]
  x = ops.add(x, dropout(linear(wide, model.down), 0.1, rng));
  return linear(norm(x, 2), model.tokens);
}

/** Sequences that count up from anywhere, and what comes next in them. */
function counting(rng: Rng): { ids: Tensor; targets: Tensor } {
  const starts = Array.from({ length: batch }, () => rng.integer(vocabulary));
  const rows = (shift: number) =>
    Int32Array.from({ length: batch * context }, (_, i) => (starts[Math.floor(i / context)]! + (i % context) + shift) % vocabulary);
  return { ids: ops.tensor(rows(0), { shape: [batch, context] }), targets: ops.tensor(rows(1), { shape: [batch, context] }) };
}

/** How a training run went. */
export interface TrainingRun {
  readonly losses: Float32Array;
  /** All weights at the end, one after the other. */
  readonly weights: Float32Array;
}

/** Trains a new model on the default backend; everything is freed at the end. `look` is called after each step, outside its scope. */
export async function trainTinyGpt(seed: number, steps: number, look: (step: number) => void = () => {}): Promise<TrainingRun> {
  const rng = new Rng(seed);
  const model = modelOf(rng);
  const losses = keep(ops.zeros([steps]));
  const trained = parameters(model).map((p) => ({ p, m: keep(ops.zeros(p.shape)), v: keep(ops.zeros(p.shape)) }));
  const args = { lr: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.01, decoupled: true };
  try {
    for (let step = 1; step <= steps; step++) {
      const open = scope();
      const { ids, targets } = counting(rng);
      const loss = ops.crossEntropy(forward(model, ids, rng), targets);
      loss.backward();
      for (const { p, ...moments } of trained) {
        ops.adamStep(p, p.grad!, moments, { ...args, step });
        p.grad!.dispose();
        p.grad = null;
      }
      ops.assign(slice(losses, 0, step - 1, step), reshape(loss, [1])); // read at the end
      open.close();
      look(step);
    }
    const weights = await Promise.all(trained.map(({ p }) => p.data()));
    return { losses: (await losses.data()) as Float32Array, weights: Float32Array.from(weights.flatMap((data) => Array.from(data))) };
  } finally {
    for (const { p, m, v } of trained) for (const x of [p, m, v]) x.dispose();
    losses.dispose();
  }
}
