import { type Backend, MultiheadError, Tensor } from '@multihead/tensor';
import type { Archive } from '../archive.js';
import { type Check, notBuilt, Skip, type Values } from '../suite.js';
import { leafOf } from '../tensors.js';
import { activation } from './activation.js';
import { bind, type Row, type Table } from './call.js';
import { checksOf } from './checks.js';
import { create } from './create.js';
import type { TorchCase } from './document.js';
import { formulas } from './formulas.js';
import { gradientsOf } from './gradients.js';
import { indexing } from './indexing.js';
import { losses } from './loss.js';
import { network } from './network.js';
import { pointwise } from './pointwise.js';
import { products } from './products.js';
import { reduce } from './reduce.js';
import { shape } from './shape.js';

/* The families fn-* and opinfo-*: one call of one function each, its outputs and the gradients of its inputs. */

const operations: Table = { ...create, ...pointwise, ...activation, ...reduce, ...shape, ...indexing, ...products, ...network, ...losses };

/** `nn.functional.gelu` and `gelu` are one function. */
function shortName(op: string): string {
  return op.replace(/^nn\.functional\./, '');
}

function rowOf(table: Table, op: string): Row {
  const name = shortName(op);
  if (!Object.hasOwn(table, name)) throw notBuilt(name);
  return table[name];
}

export async function runFunction(golden: TorchCase, archive: Archive, backend: Backend): Promise<Check[]> {
  const row = rowOf({ ...operations, ...formulas }, golden.op);
  const { call, leaves } = bind(golden, row, archive, backend);
  const result = await row.run(call);
  const outputs = result instanceof Tensor ? [result] : result;
  const cotangents = (golden.cotangents ?? []).map((ref) => ref && leafOf(archive, ref, backend));
  return checksOf(golden, archive, { outputs, grads: gradientsOf(outputs, cotangents, leaves) });
}

/** What PyTorch refuses and multihead takes, on purpose. */
const deviations: readonly { when: (golden: TorchCase) => boolean; reason: string }[] = [
  {
    when: ({ args = [], ...golden }) =>
      'raises' in golden &&
      golden.raises === 'TypeError' &&
      args.length === 2 &&
      args.filter((arg) => typeof arg === 'number').length === 1,
    reason: 'by design: a number may stand for one of two tensors, on either side',
  },
  {
    when: ({ op, args = [], ...golden }) => op === 'linspace' && 'raises' in golden && golden.raises === 'TypeError' && args.length === 3,
    reason: 'by design: 1.0 and 1 are one number',
  },
];

/** opinfo-errors: the call must throw one of our own errors, which say what is wrong. */
export async function runError(golden: TorchCase, archive: Archive, backend: Backend): Promise<Check[]> {
  const row = rowOf(operations, golden.op);
  const thrown = await outcomeOf(() => row.run(bind(golden, row, archive, backend).call));
  if (thrown instanceof Skip) throw thrown;
  if (thrown instanceof MultiheadError) return [flag('throws', true)];
  if (thrown !== undefined) throw new Error(`must throw an error of multihead, threw ${String(thrown)}`);
  const deviation = deviations.find(({ when }) => when(golden));
  if (deviation) throw new Skip(deviation.reason);
  return [flag('throws', false)];
}

async function outcomeOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
}

function flag(what: string, got: boolean): Check {
  const values = (truth: boolean): Values => ({ shape: [], kind: 'bool', data: [Number(truth)] });
  return { what, got: values(got), want: [values(true)], tolerance: { rtol: 0, atol: 0, equalNan: true } };
}
