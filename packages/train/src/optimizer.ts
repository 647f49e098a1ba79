import { adamStep, add, assign, keep, mul, noGrad, type Tensor, type TensorData, tidy, ValueError, zerosLike } from '@multihead/tensor';

/** Updates parameters from their gradients. Made by `sgd`, `adam`, `adamw`. */
export interface Optimizer {
  /** The learning rate of the next step; schedules set it. */
  lr: number;
  /** Steps taken. */
  readonly steps: number;
  /** One update; consumes the gradients, so that there is none to zero. A parameter without a gradient stays as it is. */
  step(): void;
  /** Everything a resumed run needs, read back. */
  state(): Promise<OptimizerState>;
  /** Continues from `state`. Throws a ValueError if it is not of these parameters. */
  load(state: OptimizerState): void;
  dispose(): void;
}

export interface OptimizerState {
  readonly steps: number;
  /** Running averages by slot and parameter number: `m.0`, `v.0` … */
  readonly slots: ReadonlyMap<string, TensorData>;
}

interface StepArgs {
  lr: number;
  /** Steps taken, this one included. */
  step: number;
}

/** What differs between optimisers: the running averages they keep, and one update given them. */
interface Rule {
  readonly slots: readonly string[];
  update(parameter: Tensor, gradient: Tensor, slots: readonly Tensor[], args: StepArgs): void;
}

function optimizer(parameters: readonly Tensor[], lr: number, rule: Rule): Optimizer {
  const averages = new Map<Tensor, Tensor[]>();
  const steps = new Map<Tensor, number>();
  let taken = 0;
  const slotsOf = (parameter: Tensor): Tensor[] => {
    const found = averages.get(parameter) ?? rule.slots.map(() => keep(zerosLike(parameter)));
    averages.set(parameter, found);
    return found;
  };
  return {
    lr,
    get steps() {
      return taken;
    },
    step() {
      taken++;
      for (const parameter of parameters) {
        const { grad } = parameter;
        if (!grad) continue;
        const step = (steps.get(parameter) ?? 0) + 1;
        steps.set(parameter, step);
        noGrad(() => tidy(() => rule.update(parameter, grad, slotsOf(parameter), { lr: this.lr, step })));
        grad.dispose();
        parameter.grad = null;
      }
    },
    async state() {
      const slots = new Map<string, TensorData>();
      for (const [i, parameter] of parameters.entries()) {
        const step = steps.get(parameter) ?? 0;
        slots.set(`step.${i}`, { dtype: 'int32', shape: [], data: Int32Array.of(step) });
        for (const [s, average] of (averages.get(parameter) ?? []).entries()) {
          slots.set(`${rule.slots[s]}.${i}`, { dtype: average.dtype, shape: average.shape, data: await average.data() });
        }
      }
      return { steps: taken, slots };
    },
    load(state) {
      checkSlots(state, rule.slots, parameters);
      taken = state.steps;
      for (const [i, parameter] of parameters.entries()) {
        steps.set(parameter, state.slots.get(`step.${i}`)!.data[0]!);
        if (!state.slots.has(`${rule.slots[0]}.${i}`)) {
          for (const average of averages.get(parameter) ?? []) average.dispose();
          averages.delete(parameter);
          continue;
        }
        for (const [s, average] of slotsOf(parameter).entries()) {
          average.backend.write(average.buffer, state.slots.get(`${rule.slots[s]}.${i}`)!.data);
        }
      }
    },
    dispose() {
      for (const slots of averages.values()) for (const slot of slots) slot.dispose();
      averages.clear();
    },
  };
}

function checkSlots(state: OptimizerState, names: readonly string[], parameters: readonly Tensor[]): void {
  const wrong: string[] = [];
  parameters.forEach((parameter, i) => {
    if (!state.slots.has(`step.${i}`)) wrong.push(`  missing: step.${i}`);
    const given = names.filter((name) => state.slots.has(`${name}.${i}`));
    if (given.length !== 0 && given.length !== names.length) wrong.push(`  incomplete: parameter ${i} has only ${given.join(', ')}`);
    for (const name of given) {
      const shape = state.slots.get(`${name}.${i}`)!.shape;
      if (String(shape) !== String(parameter.shape))
        wrong.push(`  wrong shape: ${name}.${i}: expected [${parameter.shape}], got [${shape}]`);
    }
  });
  const known = new Set(parameters.flatMap((_, i) => ['step', ...names].map((name) => `${name}.${i}`)));
  for (const name of state.slots.keys()) if (!known.has(name)) wrong.push(`  unexpected: ${name}`);
  if (wrong.length > 0)
    throw new ValueError(`Optimizer.load: the state is not of these ${parameters.length} parameters:\n${wrong.join('\n')}`);
}

function check(op: string, ranges: Record<string, [value: number, low: number, high: number]>): void {
  for (const [name, [value, low, high]] of Object.entries(ranges)) {
    if (!(value >= low && value <= high)) throw new ValueError(`${op}: ${name}: expected ${low} to ${high}, got ${value}`);
  }
}

export interface SgdOptions {
  lr: number;
  momentum?: number;
  dampening?: number;
  nesterov?: boolean;
  weightDecay?: number;
}

/**
 * p ← p - lr · b, where b = momentum · b + (1 - dampening) · g (b = g at first), g the gradient plus weightDecay · p.
 *
 * @example
 * const optimizer = sgd(parameters(model), { lr: 0.1, momentum: 0.9 });
 */
export function sgd(parameters: readonly Tensor[], options: SgdOptions): Optimizer {
  const { lr, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 } = options;
  check('sgd', { lr: [lr, 0, Infinity], momentum: [momentum, 0, Infinity], weightDecay: [weightDecay, 0, Infinity] });
  if (nesterov && (momentum === 0 || dampening !== 0)) throw new ValueError('sgd: nesterov: needs a momentum and no dampening');
  return optimizer(parameters, lr, {
    slots: momentum === 0 ? [] : ['momentum'],
    update(parameter, gradient, [buffer], { lr, step }) {
      const g = weightDecay === 0 ? gradient : add(gradient, mul(parameter, weightDecay));
      let direction = g;
      if (buffer) {
        assign(buffer, step === 1 ? g : add(mul(buffer, momentum), mul(g, 1 - dampening)));
        direction = nesterov ? add(g, mul(buffer, momentum)) : buffer;
      }
      assign(parameter, add(parameter, mul(direction, -lr)));
    },
  });
}

export interface AdamOptions {
  lr?: number;
  betas?: readonly [number, number];
  eps?: number;
  weightDecay?: number;
}

/**
 * Adam: m and v are running means of the gradient and its square; p ← p - lr · m̂ / (√v̂ + eps). `weightDecay` is added to the gradient.
 * Kingma and Ba, 2015.
 */
export function adam(parameters: readonly Tensor[], options: AdamOptions = {}): Optimizer {
  return adamLike('adam', parameters, { weightDecay: 0, ...options }, false);
}

/**
 * As `adam`, with weight decay apart from the gradient: p shrinks by lr · weightDecay first. Loshchilov and Hutter, 2019.
 *
 * @example
 * const optimizer = adamw(parameters(model), { lr: 3e-4, weightDecay: 0.1 });
 */
export function adamw(parameters: readonly Tensor[], options: AdamOptions = {}): Optimizer {
  return adamLike('adamw', parameters, { weightDecay: 0.01, ...options }, true);
}

function adamLike(
  op: string,
  parameters: readonly Tensor[],
  options: AdamOptions & { weightDecay: number },
  decoupled: boolean,
): Optimizer {
  const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay } = options;
  const [beta1, beta2] = betas;
  check(op, {
    lr: [lr, 0, Infinity],
    eps: [eps, 0, Infinity],
    weightDecay: [weightDecay, 0, Infinity],
  });
  betas.forEach((beta, i) => {
    if (!(beta >= 0 && beta < 1)) throw new ValueError(`${op}: betas[${i}]: expected at least 0 and less than 1, got ${beta}`);
  });
  return optimizer(parameters, lr, {
    slots: ['m', 'v'],
    update(parameter, gradient, [m, v], { lr, step }) {
      adamStep(parameter, gradient, { m: m!, v: v! }, { lr, beta1, beta2, eps, weightDecay, decoupled, step });
    },
  });
}
