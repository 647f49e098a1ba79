import { type Backend, type DType, type Tensor, tensor } from '@multihead/tensor';
import { type Archive, isTensorRef, type Json, spelled } from '../archive.js';
import { notBuilt } from '../suite.js';
import { leafOf } from '../tensors.js';
import type { TorchCase } from './document.js';

export interface DTypeTag {
  readonly $dtype: string;
}
export interface SliceTag {
  readonly $slice: readonly (number | null)[];
}
export interface EllipsisTag {
  readonly $ellipsis: boolean;
}

/** What PyTorch's function was given, with our tensors in place of its own. */
export type Argument = null | boolean | number | string | Tensor | DTypeTag | SliceTag | EllipsisTag | readonly Argument[];

/**
 * One call of a PyTorch function: its arguments by the names in `parameters`. The getters only say what an argument should be; a wrong
 * one is handed on as it is, for the operation to refuse.
 */
export class Call {
  readonly backend: Backend;
  readonly #arguments: ReadonlyMap<string, Argument>;

  constructor(backend: Backend, given: ReadonlyMap<string, Argument>) {
    this.backend = backend;
    this.#arguments = given;
  }

  get(name: string): Argument {
    return this.#arguments.get(name) ?? null;
  }

  tensor(name: string): Tensor {
    return this.get(name) as Tensor;
  }

  optional(name: string): Tensor | null {
    return this.get(name) as Tensor | null;
  }

  tensors(name: string): Tensor[] {
    return this.get(name) as unknown as Tensor[];
  }

  /** A tensor or a number. */
  operand(name: string): Tensor | number {
    return this.get(name) as Tensor | number;
  }

  number(name: string, fallback = Number.NaN): number {
    const value = this.get(name);
    return value === null ? fallback : ((typeof value === 'boolean' ? Number(value) : value) as number);
  }

  numbers(name: string): number[] {
    const value = this.get(name);
    return (Array.isArray(value) ? value : [value]) as number[];
  }

  text<T extends string>(name: string, fallback: T): T {
    return (this.get(name) ?? fallback) as T;
  }

  flag(name: string, fallback = false): boolean {
    return (this.get(name) ?? fallback) as boolean;
  }

  /** The element type asked for. A backend without float64 computes in float32. */
  dtype(name = 'dtype'): DType | null {
    const tag = this.get(name) as DTypeTag | null;
    if (tag === null) return null;
    if (tag.$dtype === 'BOOL') return 'bool';
    if (!tag.$dtype.startsWith('F')) return 'int32';
    return tag.$dtype === 'F64' && this.backend.dtypes.includes('float64') ? 'float64' : 'float32';
  }
}

/** How one PyTorch function is called here: its parameters in their order, and the same in our operations. */
export interface Row {
  readonly parameters: readonly string[];
  readonly run: (call: Call) => Results | Promise<Results>;
}

export type Results = Tensor | readonly (Tensor | null)[];

export type Table = Readonly<Record<string, Row>>;

/** A row of a table: `op('x dim', (call) => softmax(call.tensor('x'), call.number('dim', -1)))`. `*name` takes all unnamed inputs. */
export function op(parameters: string, run: Row['run']): Row {
  return { parameters: parameters.split(' '), run };
}

/** Arguments without an effect on the result. */
const withoutEffect = new Set(['device', 'layout', 'pin_memory', 'requires_grad', 'sparse']);

export interface Bound {
  readonly call: Call;
  /** The tensors whose gradients the case has, by the names that it gives them. */
  readonly leaves: ReadonlyMap<string, Tensor>;
}

/** The arguments of a case under the names of the parameters of `row`. */
export function bind(golden: TorchCase, row: Row, archive: Archive, backend: Backend): Bound {
  const leaves = new Map<string, Tensor>();
  const mixed = mixesFloats(golden);
  const convert = (value: Json, path: string): Argument => {
    if (Array.isArray(value)) return value.map((item, i) => convert(item, `${path}.${i}`));
    if (!isTensorRef(value)) return spelled(value) as Argument;
    const differentiated = Object.hasOwn(golden.grads ?? {}, path);
    const leaf = leafOf(archive, value, backend, differentiated);
    if (mixed && value.dtype === 'F64') return tensor(Float64Array.from(leaf.dataSync()), { shape: leaf.shape, backend });
    if (differentiated) leaves.set(path, leaf);
    return leaf;
  };

  const given = new Map<string, Argument>();
  const names = row.parameters.map((name) => name.replace('*', ''));
  const free = () => names.find((name) => !given.has(name));
  for (const [i, value] of (golden.args ?? []).entries()) assign(given, names[i], `argument ${i}`, golden, convert(value, `arg${i}`));
  bindInputs(golden, row, given, (name, value) => convert(value, name), free);
  for (const [name, value] of Object.entries(golden.kwargs ?? {})) {
    // What has the name of an input is a remark on it.
    if (withoutEffect.has(name) || given.has(name)) continue;
    assign(given, names.includes(name) ? name : undefined, name, golden, convert(value, `kw.${name}`));
  }
  return { call: new Call(backend, given), leaves };
}

/**
 * True for the calls that are wrong because they mix float32 and float64: these alone get tensors of float64, which some backends do not
 * have and refuse to make.
 */
function mixesFloats({ args = [], ...golden }: TorchCase): boolean {
  const dtypes = args.flat().map((value) => isTensorRef(value) && value.dtype);
  return 'raises' in golden && dtypes.includes('F32') && dtypes.includes('F64');
}

/** Named inputs go to the parameter of that name, else to the next one that has nothing. */
function bindInputs(
  golden: TorchCase,
  row: Row,
  given: Map<string, Argument>,
  convert: (name: string, value: Json) => Argument,
  free: () => string | undefined,
): void {
  const inputs = Object.entries(golden.inputs ?? {});
  const collecting = row.parameters.find((name) => name.startsWith('*'));
  if (collecting && inputs.length > 0) {
    given.set(
      collecting.slice(1),
      inputs.map(([name, value]) => convert(name, value)),
    );
    return;
  }
  for (const [name, value] of inputs) if (row.parameters.includes(name)) given.set(name, convert(name, value));
  for (const [name, value] of inputs) if (!row.parameters.includes(name)) assign(given, free(), name, golden, convert(name, value));
}

function assign(given: Map<string, Argument>, parameter: string | undefined, name: string, golden: TorchCase, value: Argument): void {
  if (parameter === undefined) throw notBuilt(`${golden.op} with ${name}`);
  given.set(parameter, value);
}
