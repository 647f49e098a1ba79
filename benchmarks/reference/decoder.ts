import { type DecoderData, shape } from '../benches/decode/data.ts';
import { weightOf } from '../weights.ts';
import { add, attend, gelu, layerNorm, linear, type Matrix, matrix } from './loops.ts';

/** The logits after the prompt, in float64 and plain loops. */
export function logitsAfterPrompt({ weights, prompt }: DecoderData): Float64Array {
  const { layers, width, heads, eps } = shape;
  const data = (name: string) => weightOf(weights, name).data;
  const norm = (x: Matrix, name: string) => layerNorm(x, data(`${name}.weight`), data(`${name}.bias`), eps);
  const project = (x: Matrix, name: string) => linear(x, data(`${name}.weight`), data(`${name}.bias`));
  const [tokenRows, positionRows] = [data('wte.weight'), data('wpe.weight')];
  let x = matrix(prompt.length, width);
  prompt.forEach((token, t) => {
    for (let i = 0; i < width; i++) x.data[t * width + i] = tokenRows[token * width + i]! + positionRows[t * width + i]!;
  });
  for (let i = 0; i < layers; i++) {
    const attended = attend(project(norm(x, `h.${i}.ln_1`), `h.${i}.attn.c_attn`), heads, true);
    x = add(x, project(attended, `h.${i}.attn.c_proj`));
    x = add(x, project(gelu(project(norm(x, `h.${i}.ln_2`), `h.${i}.mlp.c_fc`)), `h.${i}.mlp.c_proj`));
  }
  const last = matrix(1, width, x.data.slice(-width));
  return linear(norm(last, 'ln_f'), tokenRows).data;
}
