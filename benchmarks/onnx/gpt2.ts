import { shape } from '../checkpoints/gpt2.ts';
import { type Weight, type Weights, weightOf } from '../weights.ts';
import { GraphWriter } from './graph-writer.ts';
import { value } from './model.ts';
import type { Message } from './protobuf.ts';

/*
 * A whole GPT-2 with past and present keys and values, with the inputs and outputs that transformers.js looks for. Of a prompt it computes the
 * last `num_logits_to_keep` logits, as newer exports do.
 */

const { layers, width, heads, eps, vocabulary } = shape;
const dim = width / heads;

export function gpt2Graph(weights: Weights): Message {
  const g = new GraphWriter();
  const pair = (name: string): [weight: Weight, bias: Weight] => [weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`)];
  // Conv1D has its weight as MatMul wants it, [in, out].
  const linear = (x: string, [weight, bias]: readonly [Weight, Weight]) =>
    g.op('Add', [g.op('MatMul', [x, g.weight(weight)]), g.weight(bias)]);
  const table = g.weight(weightOf(weights, 'wte.weight'));
  const bias = visibilityBias(g);
  const words = g.op('Gather', [table, 'input_ids'], { axis: 0 });
  const places = g.op('Gather', [g.weight(weightOf(weights, 'wpe.weight')), 'position_ids'], { axis: 0 });
  let x = g.op('Add', [words, places]); // [B, T, E]
  for (let i = 0; i < layers; i++) {
    const name = (part: string) => `h.${i}.${part}`;
    const projected = linear(g.layerNorm(x, pair(name('ln_1')), eps), pair(name('attn.c_attn')));
    const parts = g.ops('Split', [projected, g.ints([width, width, width])], 3, { axis: 2 });
    const [q, k, v] = parts.map((part) => g.op('Transpose', [g.reshape(part, [0, 0, heads, dim])], { perm: [0, 2, 1, 3] })) as [
      string,
      string,
      string,
    ];
    const keys = g.op('Concat', [`past_key_values.${i}.key`, k], { axis: 2 }); // [B, H, K, D]
    const values = g.op('Concat', [`past_key_values.${i}.value`, v], { axis: 2 });
    g.output(keys, `present.${i}.key`);
    g.output(values, `present.${i}.value`);
    const scores = g.op('Div', [g.op('MatMul', [q, g.op('Transpose', [keys], { perm: [0, 1, 3, 2] })]), g.scalar(Math.sqrt(dim))]);
    const seen = g.op('Softmax', [g.op('Add', [scores, bias])], { axis: -1 });
    const merged = g.reshape(g.op('Transpose', [g.op('MatMul', [seen, values])], { perm: [0, 2, 1, 3] }), [0, 0, width]);
    x = g.op('Add', [linear(merged, pair(name('attn.c_proj'))), x]);
    const hidden = geluTanh(g, linear(g.layerNorm(x, pair(name('ln_2')), eps), pair(name('mlp.c_fc'))));
    x = g.op('Add', [x, linear(hidden, pair(name('mlp.c_proj')))]);
  }
  const last = g.op('Slice', [g.layerNorm(x, pair('ln_f'), eps), keptFrom(g), g.ints([2 ** 40]), g.ints([1])]); // [B, N, E]
  g.output(g.op('MatMul', [last, g.op('Transpose', [table], { perm: [1, 0] })]), 'logits');
  return finish(g);
}

/** ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), operator by operator. */
function geluTanh(g: GraphWriter, x: string): string {
  const cubed = g.op('Mul', [g.op('Pow', [x, g.scalar(3)]), g.scalar(0.044715)]);
  const inner = g.op('Mul', [g.op('Add', [x, cubed]), g.scalar(Math.sqrt(2 / Math.PI))]);
  const bell = g.op('Add', [g.op('Tanh', [inner]), g.scalar(1)]);
  return g.op('Mul', [g.op('Mul', [x, g.scalar(0.5)]), bell]);
}

/** 0 where a query may look and the least float32 elsewhere, [B, 1, T, K]: not ahead, and not at padding. */
function visibilityBias(g: GraphWriter): string {
  const length = (of: string) => g.op('Gather', [g.op('Shape', [of]), g.ints([1])], { axis: 0 }); // [1]
  const number = (n: number) => g.constant({ dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(n)) });
  const scalar = (x: string) => g.op('Squeeze', [x, g.ints([0])]);
  const keys = scalar(length('attention_mask'));
  const past = g.op('Sub', [keys, scalar(length('input_ids'))]);
  const keyPlaces = g.op('Range', [number(0), keys, number(1)]); // [K]
  const queryPlaces = g.op('Unsqueeze', [g.op('Range', [past, keys, number(1)]), g.ints([1])]); // [T, 1]
  const isAhead = g.op('Greater', [keyPlaces, queryPlaces]); // [T, K]
  const isPadding = g.op('Equal', [g.op('Unsqueeze', ['attention_mask', g.ints([1, 2])]), number(0)]); // [B, 1, 1, K]
  return g.op('Where', [g.op('Or', [isAhead, isPadding]), g.scalar(-3.4028234663852886e38), g.scalar(0)]);
}

/** From which token on there are logits, [1]: all of them if `num_logits_to_keep` is 0. */
function keptFrom(g: GraphWriter): string {
  return g.op('Neg', [g.op('Reshape', ['num_logits_to_keep', g.ints([1])])]);
}

function finish(g: GraphWriter): Message {
  const cached = (kind: 'past_key_values' | 'present', tokens: string) =>
    Array.from({ length: layers }, (_, i) => [`${kind}.${i}.key`, `${kind}.${i}.value`])
      .flat()
      .map((name) => value(name, 'float32', ['batch_size', heads, tokens, dim]));
  const inputs = [
    value('input_ids', 'int64', ['batch_size', 'sequence_length']),
    value('attention_mask', 'int64', ['batch_size', 'total_sequence_length']),
    value('position_ids', 'int64', ['batch_size', 'sequence_length']),
    ...cached('past_key_values', 'past_sequence_length'),
    value('num_logits_to_keep', 'int64', []),
  ];
  const logits = value('logits', 'float32', ['batch_size', 'num_logits_to_keep', vocabulary]);
  return g.finishAll(inputs, [logits, ...cached('present', 'total_sequence_length')]);
}
