import type { EncoderInput, EncoderShape } from '../benches/encoder.ts';
import { rowsOf, transposed, type Weight, type Weights, weightOf } from '../weights.ts';
import { GraphWriter } from './graph-writer.ts';
import { value } from './model.ts';
import type { Message } from './protobuf.ts';

/** The encoder as PyTorch's exporter writes a BERT: plain ONNX operators, linear layers as MatMul and Add. */
export function encoderGraph(weights: Weights, shape: EncoderShape, { batch, tokens }: EncoderInput): Message {
  const { layers, width, heads, eps } = shape;
  const dim = width / heads;
  const g = new GraphWriter();
  const bias = visibilityBias(g);
  let x = 'x';
  for (let i = 0; i < layers; i++) {
    const name = (part: string) => `layers.${i}.${part}`;
    const project = (part: 0 | 1 | 2, order: number[]) => {
      const rows = (of: string) => rowsOf(weights, name(of), part * width, (part + 1) * width);
      const projected = g.linear(x, rows('self_attn.in_proj_weight'), rows('self_attn.in_proj_bias'));
      return g.op('Transpose', [g.reshape(projected, [batch, tokens, heads, dim])], { perm: order });
    };
    const [q, kT, v] = [project(0, [0, 2, 1, 3]), project(1, [0, 2, 3, 1]), project(2, [0, 2, 1, 3])];
    const scores = g.op('Div', [g.op('MatMul', [q, kT]), g.scalar(Math.sqrt(dim))]); // [B, H, T, T]
    const seen = g.op('Softmax', [g.op('Add', [scores, bias])], { axis: -1 });
    const merged = g.op('Transpose', [g.op('MatMul', [seen, v])], { perm: [0, 2, 1, 3] });
    const attended = g.linear(g.reshape(merged, [batch, tokens, width]), ...pair(weights, name('self_attn.out_proj')));
    x = g.layerNorm(g.op('Add', [attended, x]), pair(weights, name('norm1')), eps);
    const hidden = g.gelu(g.linear(x, ...pair(weights, name('linear1'))));
    x = g.layerNorm(g.op('Add', [g.linear(hidden, ...pair(weights, name('linear2'))), x]), pair(weights, name('norm2')), eps);
  }
  const dims = [batch, tokens, width];
  return g.finish(x, [value('x', 'float32', dims), value('attention_mask', 'int64', [batch, tokens])], value('y', 'float32', dims));
}

/** 0 where a key may be seen and the least float32 elsewhere, [B, 1, 1, T], from attention_mask. */
function visibilityBias(g: GraphWriter): string {
  const four = g.op('Unsqueeze', ['attention_mask', g.ints([1, 2])]);
  const visible = g.op('Cast', [four], { to: 1 });
  return g.op('Mul', [g.op('Sub', [g.scalar(1), visible]), g.scalar(-3.4028234663852886e38)]);
}

/** The same with ONNX Runtime's own operators, as its optimiser for transformers writes them. Padding is told by lengths. */
export function fusedEncoderGraph(weights: Weights, shape: EncoderShape, { batch, tokens }: EncoderInput): Message {
  const { layers, width, heads, eps } = shape;
  const g = new GraphWriter();
  let x = 'x';
  for (let i = 0; i < layers; i++) {
    const name = (part: string) => `layers.${i}.${part}`;
    const qkv = g.weight(transposed(weightOf(weights, name('self_attn.in_proj_weight')))); // [E, 3 · E]
    const qkvBias = g.weight(weightOf(weights, name('self_attn.in_proj_bias')));
    const attended = g.op('Attention', [x, qkv, qkvBias, 'lengths'], { num_heads: heads }, 'com.microsoft');
    const [outWeight, outBias] = pair(weights, name('self_attn.out_proj'));
    x = skipNorm(g, g.matmul(attended, outWeight), x, pair(weights, name('norm1')), outBias, eps);
    const [weight1, bias1] = pair(weights, name('linear1'));
    const hidden = g.op('BiasGelu', [g.matmul(x, weight1), g.weight(bias1)], {}, 'com.microsoft');
    const [weight2, bias2] = pair(weights, name('linear2'));
    x = skipNorm(g, g.matmul(hidden, weight2), x, pair(weights, name('norm2')), bias2, eps);
  }
  const dims = [batch, tokens, width];
  return g.finish(x, [value('x', 'float32', dims), value('lengths', 'int32', [batch])], value('y', 'float32', dims));
}

/** norm(x + residual + bias) in one operator. */
function skipNorm(g: GraphWriter, x: string, residual: string, [weight, shift]: [Weight, Weight], bias: Weight, eps: number): string {
  const inputs = [x, residual, g.weight(weight), g.weight(shift), g.weight(bias)];
  return g.op('SkipLayerNormalization', inputs, { epsilon: { float: eps } }, 'com.microsoft');
}

function pair(weights: Weights, name: string): [weight: Weight, bias: Weight] {
  return [weightOf(weights, `${name}.weight`), weightOf(weights, `${name}.bias`)];
}
