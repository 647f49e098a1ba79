import { causalMask } from '@multihead/attention';
import { Embedding, LayerNorm, Linear } from '@multihead/layers';
import { add, type Backend, crossEntropy, div, gelu, loadStateDict, scope, slice, stateDict, type Tensor } from '@multihead/tensor';
import { clipGradNorm, noam, type Schedule } from '@multihead/train';
import { Transformer, TransformerEncoderLayer } from '@multihead/transformer/seq2seq';
import type { Archive, Json, TensorRef } from '../archive.js';
import { type Check, notBuilt, type Values } from '../suite.js';
import { leafOf, lending, valuesOf } from '../tensors.js';
import { checksOf } from './checks.js';
import { determined } from './curves.js';
import type { TorchCase } from './document.js';
import { stateOf } from './modules.js';
import { optimizerOf } from './optimizers.js';

/* The family train: three small models, trained as PyTorch was; the loss and gradient norm of every step, and the parameters at the end. */

export interface TrainCase extends TorchCase {
  readonly model: string;
  readonly params: Readonly<Record<string, TensorRef>>;
  readonly batches: readonly (readonly TensorRef[])[];
  readonly optimizer: string;
  readonly optimizer_kwargs: Readonly<Record<string, Json>>;
  readonly steps: number;
  readonly clip_norm: number | null;
  readonly noam: Json;
  readonly label_smoothing: number;
  readonly accumulate: number;
}

/** The sizes in `ctor`: V vocabulary, E width, H heads, Lr layers, T tokens; I, Hd, O in, hidden, out. */
type Sizes = Readonly<Record<string, number>>;

interface Model {
  /** All tensors of a batch but the last, the targets, to logits. */
  forward(...inputs: Tensor[]): Tensor;
}

class Mlp implements Model {
  fc1: Linear;
  norm: LayerNorm;
  fc2: Linear;

  constructor({ I, Hd, O }: Sizes) {
    [this.fc1, this.norm, this.fc2] = [new Linear(I, Hd), new LayerNorm(Hd), new Linear(Hd, O)];
  }

  forward(x: Tensor): Tensor {
    const hidden = this.norm.forward(this.fc1.forward(x));
    return this.fc2.forward(gelu(hidden));
  }
}

class TinyGpt implements Model {
  tok: Embedding;
  pos: Embedding;
  blocks: TransformerEncoderLayer[];
  norm: LayerNorm;
  head: Linear;

  constructor({ V, E, H, Lr, T }: Sizes) {
    const config = {
      d_model: E,
      nhead: H,
      dim_feedforward: 2 * E,
      num_encoder_layers: Lr,
      num_decoder_layers: 0,
      activation: 'gelu',
      norm_first: true,
    } as const;
    this.tok = new Embedding(V, E);
    this.pos = new Embedding(T, E);
    this.blocks = Array.from({ length: Lr }, () => new TransformerEncoderLayer(config));
    this.norm = new LayerNorm(E);
    this.head = new Linear(E, V, { bias: false });
  }

  forward(ids: Tensor): Tensor {
    const tokens = ids.shape[1];
    const mask = causalMask(tokens, tokens, 0, ids.backend);
    const x = add(this.tok.forward(ids), slice(this.pos.weight, 0, 0, tokens)); // [B, T, E]
    return this.head.forward(this.norm.forward(this.blocks.reduce((y, block) => block.forward(y, { mask }), x)));
  }
}

class TinySeq2Seq implements Model {
  emb: Embedding;
  tr: Transformer;
  head: Linear;

  constructor({ V, E, H }: Sizes) {
    const config = { d_model: E, nhead: H, dim_feedforward: 2 * E, num_encoder_layers: 1, num_decoder_layers: 1 };
    [this.emb, this.tr, this.head] = [new Embedding(V, E), new Transformer(config), new Linear(E, V)];
  }

  forward(source: Tensor, target: Tensor): Tensor {
    return this.head.forward(this.tr.forward(this.emb.forward(source), this.emb.forward(target), { decoder: { causal: true } }));
  }
}

const models: Readonly<Record<string, (sizes: Sizes) => Model>> = {
  MLP: (sizes) => new Mlp(sizes),
  TinyGPT: (sizes) => new TinyGpt(sizes),
  Seq2Seq: (sizes) => new TinySeq2Seq(sizes),
};

export async function runTraining(golden: TrainCase, archive: Archive, backend: Backend): Promise<Check[]> {
  if (!Object.hasOwn(models, golden.model)) throw notBuilt(`the model ${golden.model}`);
  const model = models[golden.model](golden.ctor as Sizes);
  const state = stateDict(model);
  return lending(state.values(), async () => {
    loadStateDict(model, stateOf(golden.params, archive));
    const batches = golden.batches.map((batch) => batch.map((ref) => leafOf(archive, ref, backend)));
    const { losses, norms } = await train(golden, model, [...state.values()], batches);
    const curves: Values[] = [losses, norms].map((data) => ({ shape: [data.length], kind: 'float', data }));
    const ends = await Promise.all(Object.keys(golden.params).map((name) => valuesOf(state.get(name)!)));
    const checks = await checksOf(golden, archive, { outputs: [...curves, ...ends] });
    return checks.map((check, i) => (i < curves.length ? determined(check) : check));
  });
}

async function train(
  golden: TrainCase,
  model: Model,
  parameters: Tensor[],
  batches: readonly Tensor[][],
): Promise<{ losses: number[]; norms: number[] }> {
  const optimizer = optimizerOf(golden.optimizer, parameters, golden.optimizer_kwargs);
  const schedule = scheduleOf(golden.noam, optimizer.lr);
  const [losses, norms]: [number[], number[]] = [[], []];
  for (let step = 0; step < golden.steps; step++) {
    using _ = scope();
    if (schedule) optimizer.lr = schedule(step);
    let total = 0;
    for (let part = 0; part < golden.accumulate; part++) {
      const batch = batches[(step * golden.accumulate + part) % batches.length];
      const loss = div(lossOf(model, batch, golden.label_smoothing), golden.accumulate);
      loss.backward();
      total += await loss.item();
    }
    losses.push(total);
    norms.push(await clipGradNorm(parameters, golden.clip_norm ?? Number.POSITIVE_INFINITY).item());
    optimizer.step();
  }
  optimizer.dispose();
  return { losses, norms };
}

function lossOf(model: Model, batch: readonly Tensor[], labelSmoothing: number): Tensor {
  return crossEntropy(model.forward(...batch.slice(0, -1)), batch.at(-1)!, { labelSmoothing });
}

/** The paper's schedule, on top of the optimizer's own rate, where the case has one. */
function scheduleOf(options: Json, lr: number): Schedule | null {
  if (options === null) return null;
  const { d_model, warmup } = options as Record<string, number>;
  return noam({ dim: d_model, warmup, factor: lr });
}
