import type { Results } from '../agree.ts';
import type { Ready } from '../contest.ts';
import type { Weights } from '../weights.ts';
import { jax } from './jax.ts';
import { type AdamOptions, type JaxArray, type Layers, layers, type Parameters } from './jax-layers.ts';

/** A batch by name, as jit takes it. */
export type Batch = { [name: string]: JaxArray };

export interface JaxTraining {
  weights: Weights;
  adam: AdamOptions;
  /** The loss of a batch; consumes both. */
  loss(layers: Layers, library: Awaited<ReturnType<typeof jax>>, parameters: Parameters, batch: Batch): JaxArray;
  /** The data of step i. */
  batch(step: number): Record<string, { shape: number[]; data: Int32Array<ArrayBuffer> }>;
  /** Steps whose losses are compared. */
  compared: number;
}

/** Training in jax-js: forward, gradients and Adam in one function under jit, which is called once a step. */
export async function jaxTraining({ weights, adam, loss, batch, compared }: JaxTraining, threads: number): Promise<Ready> {
  const library = await jax(threads);
  const { numpy: np, jit, valueAndGrad, tree, blockUntilReady } = library;
  const of = layers(library);
  type State = { parameters: Parameters; m: Parameters; v: Parameters };
  type Bias = { one: JaxArray; two: JaxArray };

  const step = jit((state: State, data: Batch, bias: Bias) => {
    const { m, v } = state;
    const gradient = valueAndGrad((parameters: Parameters, inner: Batch) => loss(of, library, parameters, inner));
    const [value, gradients] = gradient(tree.ref(state.parameters), data);
    return { state: of.adam(state.parameters, gradients as Parameters, { m, v }, bias, adam), loss: value };
  });

  const parameters = of.load(weights);
  const zeros = () => Object.fromEntries(Object.entries(parameters).map(([name, p]) => [name, np.zeros(p.shape)]));
  let state: State = { parameters, m: zeros(), v: zeros() };
  let taken = 0;

  function next(): JaxArray {
    const data = Object.fromEntries(Object.entries(batch(taken)).map(([name, { shape, data: ids }]) => [name, np.array(ids, { shape })]));
    taken++;
    const bias = { one: np.array([1 - adam.beta1 ** taken]), two: np.array([1 - adam.beta2 ** taken]) };
    const done = step(state, data, bias) as { state: State; loss: JaxArray };
    state = done.state;
    return done.loss;
  }

  return {
    async run(times) {
      for (let i = 0; i < times; i++) await next().data();
      // Only at the end of a batch: to ask each of the arrays takes jax-js as long as to compute them.
      await blockUntilReady(state);
      return undefined;
    },
    async results(): Promise<Results> {
      const losses: number[] = [];
      for (let i = 0; i < compared; i++) losses.push(...((await next().data()) as Float32Array));
      return { losses };
    },
    close() {
      tree.dispose(state);
      step.dispose();
    },
  };
}
