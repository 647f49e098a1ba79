import { shape } from '../checkpoints/bert.ts';
import { type Weight, type Weights, weightOf } from '../weights.ts';
import { GraphWriter } from './graph-writer.ts';
import { value } from './model.ts';
import type { Message } from './protobuf.ts';

/* A whole BERT, ids to hidden states, with the inputs and outputs that transformers.js looks for. */

const { layers, width, heads, eps } = shape;
const dim = width / heads;

/** As PyTorch's exporter writes it, operator by operator: what optimum makes, and what is on the Hub for transformers.js. */
export function bertGraph(weights: Weights): Message {
  const g = new GraphWriter();
  const { pair } = partsOf(weights);
  const bias = visibilityBias(g);
  let x = embedded(g, weights); // [B, T, E]
  for (let i = 0; i < layers; i++) {
    const name = (part: string) => `encoder.layer.${i}.${part}`;
    const project = (part: string, order: number[]) => {
      const projected = g.linear(x, ...pair(name(`attention.self.${part}`)));
      return g.op('Transpose', [g.reshape(projected, [0, 0, heads, dim])], { perm: order });
    };
    const [q, kT, v] = [project('query', [0, 2, 1, 3]), project('key', [0, 2, 3, 1]), project('value', [0, 2, 1, 3])];
    const scores = g.op('Div', [g.op('MatMul', [q, kT]), g.scalar(Math.sqrt(dim))]); // [B, H, T, T]
    const seen = g.op('Softmax', [g.op('Add', [scores, bias])], { axis: -1 });
    const merged = g.op('Transpose', [g.op('MatMul', [seen, v])], { perm: [0, 2, 1, 3] });
    const attended = g.linear(g.reshape(merged, [0, 0, width]), ...pair(name('attention.output.dense')));
    x = g.layerNorm(g.op('Add', [attended, x]), pair(name('attention.output.LayerNorm')), eps);
    const hidden = g.gelu(g.linear(x, ...pair(name('intermediate.dense'))));
    x = g.layerNorm(g.op('Add', [g.linear(hidden, ...pair(name('output.dense'))), x]), pair(name('output.LayerNorm')), eps);
  }
  return finish(g, x);
}

/** With ONNX Runtime's own operators, as its optimiser for transformers writes it. */
export function fusedBertGraph(weights: Weights): Message {
  const g = new GraphWriter();
  const { pair } = partsOf(weights);
  const mask = g.op('Cast', ['attention_mask'], { to: 6 }); // int32 [B, T]
  const skipNorm = (x: string, residual: string, norm: string, bias: Weight) => {
    const [weight, shift] = pair(norm);
    return g.op(
      'SkipLayerNormalization',
      [x, residual, g.weight(weight), g.weight(shift), g.weight(bias)],
      { epsilon: { float: eps } },
      ms,
    );
  };
  let x = embedded(g, weights);
  for (let i = 0; i < layers; i++) {
    const name = (part: string) => `encoder.layer.${i}.${part}`;
    const [qkv, qkvBias] = joined(['query', 'key', 'value'].map((part) => pair(name(`attention.self.${part}`))));
    const attended = g.op('Attention', [x, g.weight(qkv), g.weight(qkvBias), mask], { num_heads: heads }, ms);
    const [outWeight, outBias] = pair(name('attention.output.dense'));
    x = skipNorm(g.matmul(attended, outWeight), x, name('attention.output.LayerNorm'), outBias);
    const [weight1, bias1] = pair(name('intermediate.dense'));
    const hidden = g.op('BiasGelu', [g.matmul(x, weight1), g.weight(bias1)], {}, ms);
    const [weight2, bias2] = pair(name('output.dense'));
    x = skipNorm(g.matmul(hidden, weight2), x, name('output.LayerNorm'), bias2);
  }
  return finish(g, x);
}

const ms = 'com.microsoft';

function partsOf(weights: Weights) {
  const pair = (name: string): [weight: Weight, bias: Weight] => [weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`)];
  return { pair };
}

function embedded(g: GraphWriter, weights: Weights): string {
  const rows = (name: string, ids: string) => {
    const table = weightOf(weights, `embeddings.${name}_embeddings.weight`);
    return g.op('Gather', [g.weight(table), ids], { axis: 0 });
  };
  const tokens = g.op('Gather', [g.op('Shape', ['input_ids']), g.ints([1])], { axis: 0 }); // [1]
  const all = g.constant({
    dtype: 'int64',
    dims: [1, shape.positions],
    data: BigInt64Array.from({ length: shape.positions }, (_, i) => BigInt(i)),
  });
  const places = g.op('Slice', [all, g.ints([0]), tokens, g.ints([1])]); // [1, T]
  const words = g.op('Add', [rows('word', 'input_ids'), rows('token_type', 'token_type_ids')]);
  const sum = g.op('Add', [words, rows('position', places)]);
  return g.layerNorm(sum, partsOf(weights).pair('embeddings.LayerNorm'), eps);
}

/** 0 where a key may be seen and the least float32 elsewhere, [B, 1, 1, T], from attention_mask. */
function visibilityBias(g: GraphWriter): string {
  const visible = g.op('Cast', [g.op('Unsqueeze', ['attention_mask', g.ints([1, 2])])], { to: 1 });
  return g.op('Mul', [g.op('Sub', [g.scalar(1), visible]), g.scalar(-3.4028234663852886e38)]);
}

function finish(g: GraphWriter, x: string): Message {
  g.output(x, 'last_hidden_state');
  const ids = (name: string) => value(name, 'int64', ['batch_size', 'sequence_length']);
  const hidden = value('last_hidden_state', 'float32', ['batch_size', 'sequence_length', width]);
  return g.finishAll([ids('input_ids'), ids('attention_mask'), ids('token_type_ids')], [hidden]);
}

/** Linear layers [E, E] side by side, as Attention wants them: [E, 3 · E] and [3 · E]. */
function joined(parts: readonly (readonly [Weight, Weight])[]): [weight: Weight, bias: Weight] {
  const columns = parts.length * width;
  const weight = new Float32Array(width * columns);
  const bias = new Float32Array(columns);
  for (const [p, [w, b]] of parts.entries()) {
    bias.set(b.data, p * width);
    for (let out = 0; out < width; out++) for (let i = 0; i < width; i++) weight[i * columns + p * width + out] = w.data[out * width + i]!;
  }
  return [
    { shape: [width, columns], data: weight },
    { shape: [columns], data: bias },
  ];
}
