import { noGrad, stateDict, type Tensor, ValueError, withBackend } from '@multihead/tensor';
import type { WeightFormat, WeightSlot } from '../loading/load.js';
import { baseOf, kindOf, type LayerKind, modulesOf, type Place, vocabulariesOf } from '../parts/modules.js';
import { QuantizedEmbedding, QuantizedLinear } from './layers.js';
import { pack, type PackedWeight } from './packed.js';

/* Which weights of a model are kept in few bits, and in how many. */

export interface QuantizeOptions {
  /** Numbers along a row that share a scale: a multiple of 32, 32 if left out. */
  group_size?: number;
  /**
   * Bits of the embeddings of tokens and of the head over the vocabulary, tied or not: 8 if left out, since all answers pass there; false
   * leaves them as they are.
   */
  embeddings?: 4 | 8 | false;
  /** Names, or parts of names, of modules to leave as they are: `lm_head`, `layers.0`. */
  modules_to_not_convert?: readonly string[];
  /**
   * Rounds what comes in, too, each group to whole multiples of its greatest magnitude / 63, so that integers are multiplied: true if left out, since
   * that is what makes decoding faster.
   */
  dynamic?: boolean;
}

/**
 * Linear layers with weights of 8 bits, for `load` and `quantizeModel`: w ≈ scale · q with |q| ≤ 127, one scale for each group along a row.
 *
 * Converted are all linear layers of the bare model and, by `embeddings`, the embeddings of tokens and the head over the vocabulary; other heads,
 * positions, norms, biases, convolutions, and layers with fewer than 16 outputs (routers) stay as they are. Throws a ValueError for options
 * outside of what they may be.
 * Source: symmetric rounding by groups, as in llama.cpp's Q8_0, inputs included.
 *
 * @example
 * const model = await load(LlamaForCausalLM, 'HuggingFaceTB/SmolLM-135M', { quantize: int8Weights() });
 */
export function int8Weights(options: QuantizeOptions = {}): WeightFormat {
  return quantization('int8Weights', 8, options);
}

/**
 * As `int8Weights`, with weights of 4 bits, -8 ≤ q ≤ 7. The embeddings of tokens and the head over the vocabulary have 8 unless `embeddings` is 4.
 *
 * Throws a ValueError for options outside of what they may be.
 * Source: symmetric rounding by groups, as in llama.cpp's Q4_0; scales of the least squared error.
 *
 * @example
 * const model = await load(LlamaForCausalLM, folder(path), { quantize: int4Weights({ group_size: 64 }) });
 */
export function int4Weights(options: QuantizeOptions = {}): WeightFormat {
  return quantization('int4Weights', 4, options);
}

function quantization(name: string, bits: 4 | 8, options: QuantizeOptions): WeightFormat {
  const { group_size: group = 32, embeddings = 8, modules_to_not_convert: left = [], dynamic = true } = options;
  if (!Number.isInteger(group) || group < 32 || group % 32 !== 0)
    throw new ValueError(`${name}: group_size: expected a multiple of 32, got ${String(group)}`);
  if (![4, 8, false].includes(embeddings)) throw new ValueError(`${name}: embeddings: expected 4, 8 or false, got ${String(embeddings)}`);
  return {
    slots(model) {
      const slots = new Map<Tensor, WeightSlot>();
      for (const [weight, uses] of usesOf(model)) {
        if (uses.some(({ path }) => left.some((part) => `.${path}.`.includes(`.${part}.`)))) continue;
        const role = roleOf(model, weight, uses);
        const width = role === 'layer' ? bits : role === 'vocabulary' && embeddings;
        if (width) slots.set(weight, slotOf(weight, uses, { bits: width, group, dynamic }));
      }
      return slots;
    },
  };
}

/** A layer that has a weight. */
interface Use extends Place {
  readonly kind: LayerKind;
}

/** The layers of each weight that nothing but layers uses. */
function usesOf(model: object): Map<Tensor, Use[]> {
  const uses = new Map<Tensor, Use[]>();
  for (const place of modulesOf(model)) {
    const kind = kindOf(place.module);
    if (kind === null) continue;
    const { weight } = place.module as { weight: Tensor };
    uses.set(weight, [...(uses.get(weight) ?? []), { ...place, kind }]);
  }
  const names = new Map<Tensor, number>();
  for (const tensor of stateDict(model).values()) names.set(tensor, (names.get(tensor) ?? 0) + 1);
  return new Map([...uses].filter(([weight, layers]) => names.get(weight) === layers.length));
}

/** Routers and the like: there is little to save, and much to lose. */
const fewest = 16;

function roleOf(model: object, weight: Tensor, uses: readonly Use[]): 'layer' | 'vocabulary' | null {
  const words = vocabulariesOf((model as { config?: unknown }).config);
  const overWords = words.has(weight.shape[0]!);
  if (uses.some(({ kind }) => kind === 'embedding')) return overWords ? 'vocabulary' : null;
  const base = baseOf(model);
  const inside = uses.every(({ path }) => (base === null ? path.includes('.') : path.startsWith(`${base}.`)));
  if (!inside) return overWords ? 'vocabulary' : null;
  const outputs = weight.shape[uses[0]!.kind === 'conv1d' ? 1 : 0]!;
  return outputs >= fewest ? 'layer' : null;
}

function slotOf(weight: Tensor, uses: readonly Use[], options: { bits: 4 | 8; group: number; dynamic: boolean }): WeightSlot {
  const transposed = uses.some(({ kind }) => kind === 'conv1d');
  const { shape } = weight;
  return {
    pack: (data) => pack(data, shape, { ...options, transposed }),
    put(packed) {
      const made = new Map<object, object>();
      for (const { parent, key, module, kind } of uses) {
        const { bias = null } = module as { bias?: Tensor | null };
        const use = () =>
          kind === 'embedding'
            ? new QuantizedEmbedding(packed as PackedWeight)
            : new QuantizedLinear(packed as PackedWeight, bias, transposed);
        parent[key] = made.get(module) ?? use();
        made.set(module, parent[key] as object);
      }
      weight.dispose();
    },
  };
}

export interface QuantizeModelOptions {
  /** Stops between two weights; the model is as it was then. */
  signal?: AbortSignal;
  /** Called after each weight. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

/**
 * Rounds the weights of a model that is there to few bits, in place: layers are replaced, their float32 weights freed. `load` with `quantize`
 * never has them all in memory, which this has.
 *
 * @throws ValueError where there is nothing to round: a model whose layers have adapters or were rounded before; an aborted signal throws its
 * reason. The model stays as it was then.
 * @example
 * await quantizeModel(model, int4Weights());
 */
export async function quantizeModel<Model extends object>(
  model: Model,
  format: WeightFormat,
  { signal, onProgress }: QuantizeModelOptions = {},
): Promise<Model> {
  signal?.throwIfAborted();
  const adapted = [...stateDict(model).keys()].find((key) => /\.(lora_\w+|modules_to_save)\./.test(key));
  if (adapted !== undefined)
    throw new ValueError(`quantizeModel: model: expected one without adapters, got one with ${adapted}: add them afterwards`);
  const slots = format.slots(model);
  if (slots.size === 0) throw new ValueError('quantizeModel: model: expected layers with float32 weights, got none');
  const made: [WeightSlot, object][] = [];
  try {
    for (const [weight, slot] of slots) {
      const data = (await weight.data()) as Float32Array;
      signal?.throwIfAborted();
      made.push([slot, noGrad(() => withBackend(weight.backend, () => slot.pack(data)))]);
      onProgress?.({ loaded: made.length, total: slots.size });
    }
  } catch (error) {
    for (const [, packed] of made) for (const tensor of stateDict(packed).values()) tensor.dispose();
    throw error;
  }
  for (const [slot, packed] of made) slot.put(packed);
  return model;
}
