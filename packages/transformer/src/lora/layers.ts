import {
  type Activation,
  add,
  contiguous,
  div,
  dropout,
  embedding,
  linear,
  matmul,
  mul,
  noGrad,
  type Rng,
  sqrt,
  square,
  sub,
  sum,
  Tensor,
  transpose,
  unsqueeze,
} from '@multihead/tensor';
import { activate } from '../parts/activate.js';
import type { StandIn } from '../parts/stand-in.js';
import { asStored, QuantizedEmbedding } from '../quantize/layers.js';
import { multiplyPacked, type PackedWeight, unpacked } from '../quantize/packed.js';

/*
 * What stands in place of layers with adapters: the layer's own fields, so that its names stay, and beside them those of the adapters, named as
 * PEFT names them, one of each for every adapter. LoRA: Hu et al., 2021; DoRA: Liu et al., 2024.
 */

/** A layer that an adapter can sit on. */
export interface Layer {
  readonly kind: 'linear' | 'embedding';
  readonly weight: Tensor | PackedWeight;
  readonly bias: Tensor | null;
  /** [in, out]; of embeddings [rows, dim]. */
  readonly sizes: readonly [inFeatures: number, outFeatures: number];
  /** The weight lies [in, out] in the checkpoint. */
  readonly transposed: boolean;
}

/** Which adapters act: one for all layers of a model. */
export interface Switch {
  active: readonly string[];
  enabled: boolean;
  /** Adapters that are in the weights, where they do not act again. */
  merged: readonly string[];
  /** Of the call that is running, if it has one. */
  rng: Rng | undefined;
}

export interface AdapterSettings {
  readonly scaling: number;
  readonly dropout: number;
}

/** Tensors by the names of adapters. */
type ByAdapter<T = { weight: Tensor }> = Record<string, T>;

/** A float weight as it lies, or integers. */
type Weight = Tensor | PackedWeight;

function actingOf({ active, enabled, merged }: Switch, settings: ReadonlyMap<string, AdapterSettings>): string[] {
  return enabled && merged.length === 0 ? active.filter((name) => settings.has(name)) : [];
}

/** y = activation(layer(x) + Σ scaling · B(A(dropout(x)))): in place of a linear layer or a head. */
export class LoraLinear implements StandIn {
  weight: Weight;
  bias: Tensor | null;
  lora_A: ByAdapter = {};
  lora_B: ByAdapter = {};
  lora_magnitude_vector: ByAdapter = {};
  /** The layer's own weight, while adapters are merged into the other one. */
  base_layer: { weight: Weight } | null = null;
  /** The layer's own bias, while an adapter has another one. */
  original_module?: { bias?: Tensor };
  readonly #layer: Layer;
  readonly #original: object;
  readonly #switch: Switch;
  readonly #settings = new Map<string, AdapterSettings>();

  constructor(layer: Layer, original: object, switched: Switch) {
    this.weight = layer.weight;
    this.bias = layer.bias;
    this.#layer = layer;
    this.#original = original;
    this.#switch = switched;
  }

  get layer(): Layer {
    return this.#layer;
  }

  /** What was here before. */
  get original(): object {
    return this.#original;
  }

  get adapters(): string[] {
    return [...this.#settings.keys()];
  }

  /** Tensors: lora_A [r, in], lora_B [out, r] and, for DoRA, lora_magnitude_vector [out]. */
  install(name: string, settings: AdapterSettings, tensors: Readonly<Record<string, Tensor>>): void {
    this.lora_A[name] = { weight: tensors.lora_A! };
    this.lora_B[name] = { weight: tensors.lora_B! };
    if (tensors.lora_magnitude_vector) this.lora_magnitude_vector[name] = { weight: tensors.lora_magnitude_vector };
    this.#settings.set(name, settings);
  }

  remove(name: string): void {
    for (const part of [this.lora_A, this.lora_B, this.lora_magnitude_vector]) delete part[name];
    this.#settings.delete(name);
  }

  forward(x: Tensor, activation: Activation = 'none'): Tensor {
    const acting = actingOf(this.#switch, this.#settings);
    if (acting.length === 0) return this.#multiply(x, this.bias, activation);
    const own = this.#multiply(x, this.bias);
    return activate(
      acting.reduce((y, name) => add(y, this.#change(name, x, own)), own),
      activation,
    );
  }

  project(x: Tensor): Tensor {
    return this.forward(x);
  }

  /** The weight as it lies, with these adapters in it; integers come back as floats [out, in]. */
  mergedWith(names: readonly string[]): Tensor {
    const rows = names.reduce((weight, name) => {
      const sum = add(weight, this.#product(name));
      const magnitude = this.lora_magnitude_vector[name]?.weight;
      return magnitude ? mul(sum, unsqueeze(div(magnitude, rowNorms(sum)), 1)) : sum;
    }, this.#rows());
    return contiguous(this.#liesTransposed ? transpose(rows) : rows);
  }

  /** The lengths of the rows of the weight, [out]: where DoRA begins with B = 0. */
  magnitude(name?: string): Tensor {
    return rowNorms(name === undefined ? this.#rows() : add(this.#rows(), this.#product(name)));
  }

  stored() {
    const { weight, bias, original_module: own } = this;
    const { transposed } = this.#layer;
    return {
      weight: weight instanceof Tensor ? weight : { of: weight, make: () => asStored(weight, transposed) },
      bias: this.#switch.merged.length > 0 ? bias : (own?.bias ?? bias),
    };
  }

  get #liesTransposed(): boolean {
    return this.#layer.transposed && this.weight instanceof Tensor;
  }

  #multiply(x: Tensor, bias: Tensor | null, activation: Activation = 'none'): Tensor {
    const { weight } = this;
    if (weight instanceof Tensor) return linear(x, weight, bias, { activation, transposed: this.#liesTransposed });
    return activate(multiplyPacked(x, weight, bias), activation);
  }

  /** What the adapter adds to the output, `own`, of the layer. */
  #change(name: string, x: Tensor, own: Tensor): Tensor {
    const { scaling, dropout: p } = this.#settings.get(name)!;
    const { rng } = this.#switch;
    const dropped = dropout(x, p, rng);
    const low = linear(dropped, this.lora_A[name]!.weight); // [..., r]
    const change = mul(linear(low, this.lora_B[name]!.weight), scaling); // [..., out]
    const magnitude = this.lora_magnitude_vector[name]?.weight;
    if (!magnitude) return change;
    // The norms count as constants: section 4.3 of the paper.
    const share = div(
      magnitude,
      noGrad(() => this.magnitude(name)),
    );
    const without = dropped === x ? (this.bias ? sub(own, this.bias) : own) : this.#multiply(dropped, null);
    return add(mul(sub(share, 1), without), mul(share, change));
  }

  /** The layer's own weight, [out, in]. */
  #rows(): Tensor {
    const weight = this.base_layer?.weight ?? this.weight;
    if (!(weight instanceof Tensor)) return unpacked(weight);
    return this.#layer.transposed ? transpose(weight) : weight;
  }

  /** scaling · B · A, [out, in]. */
  #product(name: string): Tensor {
    return mul(matmul(this.lora_B[name]!.weight, this.lora_A[name]!.weight), this.#settings.get(name)!.scaling);
  }
}

function rowNorms(rows: Tensor): Tensor {
  return sqrt(sum(square(rows), { axis: 1 }));
}

/** y = layer(ids) + Σ scaling · A[:, ids]ᵀ · Bᵀ: in place of a table of embeddings. */
export class LoraEmbedding implements StandIn {
  weight: Weight;
  lora_embedding_A: ByAdapter<Tensor> = {};
  lora_embedding_B: ByAdapter<Tensor> = {};
  base_layer: { weight: Weight } | null = null;
  readonly #layer: Layer;
  readonly #original: { forward(ids: Tensor): Tensor; readonly padding?: number };
  readonly #switch: Switch;
  readonly #settings = new Map<string, AdapterSettings>();

  constructor(layer: Layer, original: object, switched: Switch) {
    this.weight = layer.weight;
    this.#layer = layer;
    this.#original = original as { forward(ids: Tensor): Tensor };
    this.#switch = switched;
  }

  get layer(): Layer {
    return this.#layer;
  }

  get original(): object {
    return this.#original;
  }

  get adapters(): string[] {
    return [...this.#settings.keys()];
  }

  /** Tensors: lora_embedding_A [r, rows] and lora_embedding_B [dim, r]. */
  install(name: string, settings: AdapterSettings, tensors: Readonly<Record<string, Tensor>>): void {
    this.lora_embedding_A[name] = tensors.lora_embedding_A!;
    this.lora_embedding_B[name] = tensors.lora_embedding_B!;
    this.#settings.set(name, settings);
  }

  remove(name: string): void {
    for (const part of [this.lora_embedding_A, this.lora_embedding_B]) delete part[name];
    this.#settings.delete(name);
  }

  forward(ids: Tensor): Tensor {
    if (this.base_layer) {
      const { weight } = this;
      return weight instanceof Tensor ? embedding(weight, ids) : new QuantizedEmbedding(weight).forward(ids);
    }
    const { padding: paddingIdx } = this.#original;
    return actingOf(this.#switch, this.#settings).reduce((y, name) => {
      const low = embedding(transpose(this.lora_embedding_A[name]!), ids, { paddingIdx }); // [..., r]
      return add(y, mul(linear(low, this.lora_embedding_B[name]!), this.#settings.get(name)!.scaling));
    }, this.#original.forward(ids));
  }

  /** All rows, [rows, dim]. */
  table(): Tensor {
    if (this.base_layer) return this.#rows(this.weight);
    return this.mergedWith(actingOf(this.#switch, this.#settings));
  }

  mergedWith(names: readonly string[]): Tensor {
    const change = (name: string) =>
      mul(transpose(matmul(this.lora_embedding_B[name]!, this.lora_embedding_A[name]!)), this.#settings.get(name)!.scaling); // [rows, dim]
    return names.reduce((table, name) => add(table, change(name)), this.#rows(this.base_layer?.weight ?? this.weight));
  }

  stored() {
    const { weight } = this;
    return { weight: weight instanceof Tensor ? weight : { of: weight, make: () => unpacked(weight) } };
  }

  #rows(weight: Weight): Tensor {
    return weight instanceof Tensor ? weight : unpacked(weight);
  }
}
