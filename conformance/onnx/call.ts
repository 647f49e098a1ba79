import type { Backend, DType, Tensor } from '@multihead/tensor';
import { type Archive, isTensorRef, type Json, spelled, type TensorRef } from '../archive.js';
import { notBuilt, Skip } from '../suite.js';
import type { OnnxCase, StringsRef } from './document.js';
import { dtypeOf, inputOf, numbersOf } from './elements.js';

/**
 * One node: inputs by the names that its row gives them, attributes by ONNX's. Over the versions many an option went from an attribute to
 * an input of the same name; here both are read alike.
 */
export class Call {
  readonly backend: Backend;
  readonly opset: number;
  readonly #golden: OnnxCase;
  readonly #archive: Archive;
  readonly #inputs = new Map<string, TensorRef>();
  readonly #rest: TensorRef[] = [];
  readonly #made = new Map<TensorRef, Tensor>();

  constructor(golden: OnnxCase, names: readonly string[], archive: Archive, backend: Backend) {
    [this.backend, this.opset, this.#golden, this.#archive] = [backend, golden.opset, golden, archive];
    for (const [i, input] of golden.inputs.entries()) {
      if (input === null) continue;
      const ref = numeric(input);
      if (i < names.length && !names[i].startsWith('*')) this.#inputs.set(names[i], ref);
      else if (names.at(-1)?.startsWith('*')) this.#rest.push(ref);
      else throw notBuilt(`${golden.op_type} with input ${i}`);
    }
  }

  /** The name of the operator. */
  get op(): string {
    return this.#golden.op_type;
  }

  has(name: string): boolean {
    return this.#inputs.has(name) || Object.hasOwn(this.#golden.attributes, name);
  }

  /** An input, or an attribute that is a tensor. */
  tensor(name: string): Tensor {
    const ref = this.#ref(name);
    if (!ref) throw new Error(`${this.#golden.op_type}: the case has no tensor ${name}`);
    return this.#tensorOf(ref);
  }

  optional(name: string): Tensor | null {
    return this.has(name) ? this.tensor(name) : null;
  }

  /** The inputs after the named ones. */
  rest(): Tensor[] {
    return this.#rest.map((ref) => this.#tensorOf(ref));
  }

  number(name: string, fallback = Number.NaN): number {
    return this.has(name) ? this.numbers(name)[0] : fallback;
  }

  numbers(name: string): number[] {
    const ref = this.#ref(name);
    return ref ? numbersOf(this.#archive, ref) : ([this.#attribute(name) ?? []].flat().map(spelled) as number[]);
  }

  text<T extends string>(name: string, fallback: T): T {
    return (this.#attribute(name) ?? fallback) as T;
  }

  /** An attribute that is 0 or 1. */
  flag(name: string, fallback = false): boolean {
    return this.has(name) ? this.number(name) !== 0 : fallback;
  }

  /** The element type that an attribute gives as one of ONNX's numbers. */
  dtype(name: string): DType | null {
    return this.has(name) ? dtypeOf(this.number(name), this.backend) : null;
  }

  /** The element type of an input. */
  dtypeOf(name: string): DType {
    return dtypeOf(this.type(name), this.backend);
  }

  /** ONNX's element type of an input: `I8`. */
  type(name: string): string {
    return this.#ref(name)?.dtype ?? '';
  }

  /** How many outputs the case asks for. */
  get outputs(): number {
    return this.#golden.outputs.length;
  }

  /** Whether the case asks for output `i`. */
  wants(i: number): boolean {
    return (this.#golden.outputs[i] ?? null) !== null;
  }

  #attribute(name: string): Json {
    return this.#golden.attributes[name] ?? null;
  }

  #ref(name: string): TensorRef | null {
    const attribute = this.#attribute(name);
    return this.#inputs.get(name) ?? (isTensorRef(attribute) ? attribute : null);
  }

  #tensorOf(ref: TensorRef): Tensor {
    const tensor = this.#made.get(ref) ?? inputOf(this.#archive, ref, this.backend);
    this.#made.set(ref, tensor);
    return tensor;
  }
}

/** `ref`, if it is a tensor of numbers. */
export function numeric(ref: TensorRef | StringsRef): TensorRef {
  if (isTensorRef(ref)) return ref;
  throw new Skip('by design: tensors have numbers, not strings');
}

export type Outputs = Tensor | readonly (Tensor | null)[];

/** How one operator is called here: the names of its inputs in their order, and the same in our operations. */
export interface Row {
  readonly inputs: readonly string[];
  readonly run: (call: Call) => Outputs | Promise<Outputs>;
}

export type Table = Readonly<Record<string, Row>>;

/** A row of a table: `op('data axes', (c) => sum(c.tensor('data'), …))`. `*name` at the end takes all further inputs, for `rest()`. */
export function op(inputs: string, run: Row['run']): Row {
  return { inputs: inputs.split(' '), run };
}
