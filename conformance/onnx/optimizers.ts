import { adamStep, mul, type Tensor, type TensorData, tensor } from '@multihead/tensor';
import { sgd } from '@multihead/train';
import { Skip } from '../suite.js';
import { lending } from '../tensors.js';
import { type Call, op, type Outputs, type Table } from './call.js';

/* Optimisers: the rate, the steps taken, then all parameters, all gradients, and all running averages one kind after the other. */

/** The inputs in `kinds` kinds of one tensor for each parameter. */
function byKind(c: Call, kinds: number): Tensor[][] {
  const all = c.rest();
  const n = all.length / kinds;
  return Array.from({ length: kinds }, (_, kind) => all.slice(kind * n, (kind + 1) * n));
}

/** ONNX adds ε to √v as it stands, and we after its correction; before the first step it corrects nothing. */
function adam(c: Call): Outputs {
  const [parameters, gradients, m, v] = byKind(c, 4);
  const [steps, beta2] = [c.number('steps'), c.number('beta', 0.999)];
  const step = steps > 0 ? steps : Number.POSITIVE_INFINITY;
  const args = {
    lr: c.number('lr'),
    beta1: c.number('alpha', 0.9),
    beta2,
    eps: c.number('epsilon', 0) / Math.sqrt(1 - beta2 ** step),
    weightDecay: c.number('norm_coefficient', 0),
    decoupled: false,
    step,
  };
  for (const [i, parameter] of parameters.entries()) adamStep(parameter, gradients[i], { m: m[i], v: v[i] }, args);
  return [...parameters.map((parameter) => mul(parameter, 1 - c.number('norm_coefficient_post', 0))), ...m, ...v];
}

/** The first step takes the gradient whole. */
async function momentum(c: Call): Promise<Outputs> {
  const [parameters, gradients, averages] = byKind(c, 3);
  const steps = c.number('steps');
  const dampening = steps > 0 ? 1 - c.number('beta') : 0;
  const nesterov = c.text<string>('mode', 'standard') === 'nesterov';
  if (nesterov && dampening !== 0) throw new Skip('by design: momentum by Nesterov is not dampened');
  const rule = { lr: c.number('lr'), momentum: c.number('alpha'), dampening, nesterov, weightDecay: c.number('norm_coefficient') };
  return lending(parameters, async () => {
    const optimizer = sgd(parameters, rule);
    const slots = new Map<string, TensorData>();
    for (const [i, average] of averages.entries()) {
      const { dtype, shape } = average;
      slots.set(`step.${i}`, { dtype: 'int32', shape: [], data: Int32Array.of(Math.max(1, steps)) });
      slots.set(`momentum.${i}`, { dtype, shape, data: await average.data() });
      parameters[i].grad = gradients[i];
    }
    optimizer.load({ steps, slots });
    optimizer.step();
    const after = (await optimizer.state()).slots;
    optimizer.dispose();
    const updated = parameters.map((parameter) => mul(parameter, 1));
    return [...updated, ...averages.map(({ backend }, i) => tensor(after.get(`momentum.${i}`)!.data, { backend }))];
  });
}

export const optimizers: Table = {
  Adam: op('lr steps *tensors', adam),
  Momentum: op('lr steps *tensors', momentum),
};
