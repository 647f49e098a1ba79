import { adamStep, crossEntropy, parameters, Rng, scope, stateDict, type Tensor, tensor, zerosLike, keep } from '@multihead/tensor';
import { Seq2Seq, type Seq2SeqConfig } from '@multihead/transformer/seq2seq';

export const pad = 0;
export const bos = 1;
export const eos = 2;

export const tiny: Seq2SeqConfig = {
  d_model: 16,
  nhead: 2,
  num_encoder_layers: 2,
  num_decoder_layers: 2,
  dim_feedforward: 24,
  norm_first: true,
  src_vocab_size: 7,
  tgt_vocab_size: 5,
  pad_token_id: pad,
  bos_token_id: bos,
  eos_token_id: eos,
};

/** A model whose untrained answers differ from token to token: larger weights than a fresh one has. */
export async function wild(config: Partial<Seq2SeqConfig> = {}, seed = 1): Promise<Seq2Seq> {
  const model = new Seq2Seq({ ...tiny, ...config }, { rng: new Rng(seed) });
  for (const t of new Set(stateDict(model).values())) if (t.rank > 1) t.backend.write(t.buffer, (await t.data()).map((x) => 2 * x)); // biome-ignore format: one line
  return model;
}

/** Frees the parameters of these models and their gradients: what a program does that is done with them. */
export function dispose(...models: object[]): void {
  for (const model of models) for (const t of stateDict(model).values()) t.dispose();
}

/** Rows of ids, the shorter ones padded. */
export function ids(...rows: number[][]): Tensor {
  const length = Math.max(...rows.map((row) => row.length));
  const flat = rows.flatMap((row) => [...row, ...new Array<number>(length - row.length).fill(pad)]);
  return tensor(Int32Array.from(flat), { shape: [rows.length, length] });
}

/** Trains until the model knows these pairs by heart: Adam on all of them at once. */
export async function memorize(
  model: Seq2Seq,
  pairs: readonly (readonly [source: number[], target: number[]])[],
  steps: number,
): Promise<number> {
  const moments = new Map(parameters(model).map((p) => [p, { m: keep(zerosLike(p)), v: keep(zerosLike(p)) }]));
  const args = { lr: 0.01, beta1: 0.9, beta2: 0.98, eps: 1e-9, weightDecay: 0, decoupled: false };
  let last = Number.NaN;
  for (let step = 1; step <= steps; step++) {
    using _ = scope();
    const source = ids(...pairs.map(([s]) => s));
    const [input, output] = [ids(...pairs.map(([, t]) => [bos, ...t])), ids(...pairs.map(([, t]) => [...t, eos]))];
    const loss = crossEntropy(model.forward(source, input), output, { ignoreIndex: pad });
    loss.backward();
    for (const [p, moment] of moments) {
      adamStep(p, p.grad!, moment, { ...args, step });
      p.grad!.dispose();
      p.grad = null;
    }
    last = await loss.item();
  }
  for (const { m, v } of moments.values()) for (const t of [m, v]) t.dispose();
  return last;
}
