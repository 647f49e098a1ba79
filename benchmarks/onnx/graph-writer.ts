import { transposed, type Weight } from '../weights.ts';
import { type Attribute, graph, type Initializer, node } from './model.ts';
import type { Message } from './protobuf.ts';

/** Puts a graph together node by node; values are called by the names that it gives. */
export class GraphWriter {
  readonly #nodes: Message[] = [];
  readonly #initializers: Initializer[] = [];
  readonly #weights = new Map<Weight, string>();
  #count = 0;

  /** One operator with one output, whose name is returned. */
  op(type: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}, domain = ''): string {
    return this.ops(type, inputs, 1, attributes, domain)[0]!;
  }

  ops(
    type: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): string[] {
    const names = Array.from({ length: outputs }, () => this.#name(type));
    this.#nodes.push(node(type, inputs, names, attributes, domain));
    return names;
  }

  /** Names what `value` computes as an output of the graph. */
  output(value: string, name: string): void {
    this.#nodes.push(node('Identity', [value], [name]));
  }

  weight(weight: Weight): string {
    const known = this.#weights.get(weight);
    if (known) return known;
    const name = this.#constant({ dtype: 'float32', dims: weight.shape, data: weight.data });
    this.#weights.set(weight, name);
    return name;
  }

  scalar(number: number): string {
    return this.#constant({ dtype: 'float32', dims: [], data: Float32Array.of(number) });
  }

  ints(numbers: readonly number[]): string {
    return this.#constant({ dtype: 'int64', dims: [numbers.length], data: BigInt64Array.from(numbers, BigInt) });
  }

  constant(initializer: Omit<Initializer, 'name'>): string {
    return this.#constant(initializer);
  }

  reshape(x: string, shape: readonly number[]): string {
    return this.op('Reshape', [x, this.ints(shape)]);
  }

  /** x · weightᵀ, as exporters write it: the weight lies transposed, [in, out]. */
  matmul(x: string, weight: Weight): string {
    return this.op('MatMul', [x, this.weight(transposed(weight))]);
  }

  linear(x: string, weight: Weight, bias: Weight): string {
    return this.op('Add', [this.weight(bias), this.matmul(x, weight)]);
  }

  layerNorm(x: string, [weight, bias]: readonly [Weight, Weight], eps: number): string {
    return this.op('LayerNormalization', [x, this.weight(weight), this.weight(bias)], { axis: -1, epsilon: { float: eps } });
  }

  /** ½ x (1 + erf(x / √2)), operator by operator. */
  gelu(x: string): string {
    const bell = this.op('Add', [this.op('Erf', [this.op('Div', [x, this.scalar(Math.SQRT2)])]), this.scalar(1)]);
    return this.op('Mul', [this.op('Mul', [x, bell]), this.scalar(0.5)]);
  }

  /** The graph with one output, called y. */
  finish(result: string, inputs: Message[], y: Message): Message {
    this.output(result, 'y');
    return this.finishAll(inputs, [y]);
  }

  finishAll(inputs: Message[], outputs: Message[]): Message {
    return graph({ inputs, outputs, initializers: this.#initializers, nodes: this.#nodes });
  }

  #constant(initializer: Omit<Initializer, 'name'>): string {
    const name = this.#name('constant');
    this.#initializers.push({ ...initializer, name });
    return name;
  }

  #name(type: string): string {
    return `${type}_${this.#count++}`;
  }
}
