// Two layers learn what one cannot: `pnpm example train`.
import { Linear } from '@multihead/layers';
// #region fit
import { bceWithLogits, parameters, Rng, round, scope, sigmoid, tensor } from '@multihead/tensor';
import { adamw, fit, warmupCosine } from '@multihead/train';

const rng = new Rng(1);
const model = { hidden: new Linear(2, 8, { rng }), out: new Linear(8, 1, { rng }) };
const forward = (x: number[][]) => model.out.forward(model.hidden.forward(tensor(x), 'gelu'));

const xor = { x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [[0], [1], [1], [0]] }; // biome-ignore format: a table
const task = {
  parameters: parameters(model),
  optimizer: adamw(parameters(model), { weightDecay: 0 }),
  batches: () => [xor],
  loss: ({ x, y }: typeof xor) => bceWithLogits(forward(x), tensor(y)),
};
for await (const { step, loss } of fit(task, { steps: 200, schedule: warmupCosine({ peak: 0.05, warmup: 10, total: 200 }) })) {
  if (step % 100 === 0) console.log(`step ${step}: loss ${loss.toFixed(3)}`);
}

using _ = scope();
console.log(await round(sigmoid(forward(xor.x))).toArray()); // [ [ 0 ], [ 1 ], [ 1 ], [ 0 ] ]
// #endregion fit
