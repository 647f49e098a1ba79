import type { EncoderInput, EncoderShape } from '../benches/encoder.ts';
import { type Weights, weightOf } from '../weights.ts';
import { add, attend, gelu, layerNorm, linear, type Matrix, matrix } from './loops.ts';

/** Sample `b` through the encoder, in float64 and plain loops: [T, E], zeros where there is padding. */
export function encode(weights: Weights, shape: EncoderShape, { tokens, x, lengths }: EncoderInput, b: number): Float64Array {
  const { layers, width, heads, eps } = shape;
  const length = lengths[b]!;
  const data = (name: string) => weightOf(weights, name).data;
  let h: Matrix = matrix(length, width, Float64Array.from(x.subarray(b * tokens * width, (b * tokens + length) * width)));
  for (let i = 0; i < layers; i++) {
    const of = (name: string) => data(`layers.${i}.${name}`);
    const qkv = linear(h, of('self_attn.in_proj_weight'), of('self_attn.in_proj_bias'));
    const attended = linear(attend(qkv, heads, false), of('self_attn.out_proj.weight'), of('self_attn.out_proj.bias'));
    h = layerNorm(add(h, attended), of('norm1.weight'), of('norm1.bias'), eps);
    const hidden = gelu(linear(h, of('linear1.weight'), of('linear1.bias')));
    h = layerNorm(add(h, linear(hidden, of('linear2.weight'), of('linear2.bias'))), of('norm2.weight'), of('norm2.bias'), eps);
  }
  const out = new Float64Array(tokens * width);
  out.set(h.data);
  return out;
}
