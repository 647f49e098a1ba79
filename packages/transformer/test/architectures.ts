import { noGrad, Rng, Tensor } from '@multihead/tensor';
import { auto } from '@multihead/transformer/auto';
import { configs, inputsOf, typeOf } from './tiny.js';

/* Any model of the package, as tests of what holds for all of them take it. */

export interface AnyModel {
  forward(...inputs: unknown[]): Tensor | Record<string, Tensor>;
  readonly config: Record<string, unknown>;
}

export async function modelOf(name: string): Promise<AnyModel> {
  const Model = await auto.choose({ architectures: [name] });
  return new Model(Model.readConfig(configs[typeOf(name)]) as never, { rng: new Rng(3) }) as unknown as AnyModel;
}

export function tensorsOf(result: Tensor | Record<string, Tensor>): Tensor[] {
  return result instanceof Tensor ? [result] : Object.values(result);
}

/** All numbers that `forward` gives of this context. */
export async function answer(model: AnyModel, name: string, ctx: object = {}): Promise<number[][]> {
  return read(noGrad(() => model.forward(...inputsOf(name), ctx)));
}

export function read(result: Tensor | Record<string, Tensor>): Promise<number[][]> {
  return Promise.all(tensorsOf(result).map(async (x) => Array.from(await x.data())));
}
