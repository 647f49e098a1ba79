import { type Backend, noGrad, normalize, Tensor } from '@multihead/tensor';
import { meanPooling } from '@multihead/transformer/pooling';
import type { Archive, TensorRef } from '../archive.js';
import { type Check, type Values, notBuilt } from '../suite.js';
import { leafOf, valuesOf } from '../tensors.js';
import type { HfCase, Inputs } from './document.js';

/* One forward pass: logits, hidden states and attention maps beside those of transformers, by its names for them. */

/** Any model here, as far as it is called. */
export interface AnyModel {
  forward(...inputs: unknown[]): Tensor | Readonly<Record<string, Tensor>>;
  readonly config: object;
}

type Seen = Map<string, Tensor>;

/** The inputs of a case as a model takes them: tensors in the order of its parameters, and the context. */
export function argumentsOf(inputs: Inputs, archive: Archive, backend: Backend): { tensors: unknown[]; context: Record<string, unknown> } {
  const given = (name: string): Tensor | undefined => (inputs[name] ? leafOf(archive, inputs[name], backend) : undefined);
  const mask = given('attention_mask');
  const context = {
    ...(mask && { mask }),
    ...(inputs.position_ids && { positions: rowsOf(archive, inputs.position_ids) }),
    ...(inputs.token_type_ids && { tokenTypes: given('token_type_ids') }),
  };
  if (inputs.states) {
    const named = ['states', 'actions', 'returns_to_go', 'timesteps'].map((name) => [name, given(name)]);
    return { tensors: [Object.fromEntries(named)], context };
  }
  if (inputs.pixel_values && inputs.input_ids) return { tensors: [{ ids: given('input_ids'), pixels: given('pixel_values') }], context };
  const names = ['input_ids', 'input_features', 'pixel_values', 'decoder_input_ids'];
  return { tensors: names.map(given).filter((x) => x !== undefined), context };
}

function rowsOf(archive: Archive, ref: TensorRef): number[][] {
  const { data, shape } = archive.values(ref);
  const [rows, columns] = shape;
  return Array.from({ length: rows }, (_, i) => Array.from(data.slice(i * columns, (i + 1) * columns)));
}

export async function runForward(golden: HfCase, model: AnyModel, archive: Archive, backend: Backend): Promise<Check[]> {
  const { inputs = {}, outputs = {}, rtol = 0, atol = 0 } = golden;
  const { tensors, context } = argumentsOf(inputs, archive, backend);
  const seen: Seen = new Map();
  const tap = (name: string, x: Tensor) => void seen.set(name, x);
  const result = noGrad(() => model.forward(...tensors, { ...context, tap }));
  const found = byTheirNames(seen, result, architectureOf(model));
  if ('sentence_embedding' in outputs) {
    found.set(
      'sentence_embedding',
      noGrad(() => normalize(meanPooling(found.get('last_hidden_state')!, context.mask as Tensor))),
    );
  }
  if ('pooler_output' in outputs && !found.has('pooler_output')) {
    found.set(
      'pooler_output',
      noGrad(() => (model as unknown as { pooled(...x: unknown[]): Tensor }).pooled(found.get('last_hidden_state')!, tensors[0])),
    );
  }
  const mask = inputs.attention_mask && archive.values(inputs.attention_mask);
  const checks: Check[] = [];
  for (const [name, ref] of Object.entries(outputs)) {
    const want = archive.values(ref);
    const x = found.get(name);
    if (!x) throw notBuilt(`the output ${name.replace(/\d+/g, 'N')}`);
    const got = await valuesOf(x);
    checks.push({
      what: name,
      got: mask ? whereMasked(name, got, want, mask) : got,
      want: [want],
      tolerance: { rtol, atol, equalNan: false },
    });
  }
  return checks;
}

/** Our names of activations, and theirs; N is the number of blocks. */
const names: readonly (readonly [ours: RegExp, theirs: string])[] = [
  [/^blocks\.(\d+)\.resid_pre$/, 'hidden_states.$1'],
  [/^final$/, 'hidden_states.N'],
  [/^blocks\.(\d+)\.attn\.pattern$/, 'attentions.$1'],
  [/^(encoder|decoder)\.blocks\.(\d+)\.resid_pre$/, '$1_hidden_states.$2'],
  [/^(encoder|decoder)\.final$/, '$1_hidden_states.N'],
  [/^(encoder|decoder)\.blocks\.(\d+)\.attn\.pattern$/, '$1_attentions.$2'],
  [/^decoder\.blocks\.(\d+)\.cross\.pattern$/, 'cross_attentions.$1'],
];

function architectureOf(model: AnyModel): string {
  return (model.constructor as unknown as { architecture: string }).architecture;
}

function byTheirNames(seen: Seen, result: Tensor | Readonly<Record<string, Tensor>>, architecture: string): Seen {
  const hasHead = /For|MTModel$|LMHead/.test(architecture); // else it gives its last hidden states
  const found: Seen = new Map();
  for (const [name, x] of seen) {
    const row = names.find(([ours]) => ours.test(name));
    if (!row) continue;
    const stack = /^(encoder|decoder)\./.exec(name)?.[0] ?? '';
    found.set(name.replace(row[0], row[1]).replace('N', String(blocksOf(seen, stack))), x);
    if (name === 'encoder.final') found.set('encoder_last_hidden_state', x);
    if (name === 'final') found.set('last_hidden_state', x);
  }
  // In transformers' ViT the last of the hidden states is not normed yet.
  const blocks = blocksOf(seen, '');
  if (architecture.startsWith('ViT')) found.set(`hidden_states.${blocks}`, seen.get(`blocks.${blocks - 1}.resid_post`)!);
  const projected = /^CLIP(Text|Vision)ModelWithProjection$/.exec(architecture)?.[1];
  const single = projected ? { Text: 'text_embeds', Vision: 'image_embeds' }[projected]! : hasHead ? 'logits' : 'last_hidden_state';
  for (const [name, x] of Object.entries(result instanceof Tensor ? { [single]: result } : result)) found.set(name, x);
  // Of a model that has an encoder alone transformers' names do not say so.
  if (!seen.has('decoder.final')) for (const [name, x] of [...found]) found.set(name.replace(/^encoder_/, ''), x);
  return found;
}

/** How many blocks a stack has. */
function blocksOf(seen: Seen, stack: string): number {
  return [...seen.keys()].filter((name) => name.startsWith(`${stack}blocks.`) && name.endsWith('.resid_pre')).length;
}

/** `got`, with the wanted numbers where only padding is: what stands there means nothing. */
function whereMasked(name: string, got: Values, want: Values, mask: Values): Values {
  // Decoders are not padded, and pooled outputs have no tokens; the rows of a map are its queries.
  const axis = /attentions/.test(name) ? 2 : 1;
  const [batch, tokens] = mask.shape as [number, number];
  const isOfTokens = !/^(decoder|cross)_|^pooler|embed/.test(name) && got.shape[0] === batch && (got.shape[axis] ?? 0) % tokens === 0;
  if (!isOfTokens || String(got.shape) !== String(want.shape) || (name === 'logits' && got.shape[1] !== tokens)) return got;
  const data = Float64Array.from(got.data);
  const inner = got.shape.slice(axis + 1).reduce((size, n) => size * n, 1);
  const rows = got.shape[axis];
  const perSample = data.length / batch;
  for (let i = 0; i < data.length; i++) {
    const [sample, row] = [Math.floor(i / perSample), Math.floor(i / inner) % rows];
    if (!mask.data[sample * tokens + Math.floor((row * tokens) / rows)]) data[i] = want.data[i];
  }
  return { ...got, data };
}
