import type { Backend, Tensor } from '@multihead/tensor';
import { adam, adamw, clipGradNorm, clipGradValue, type Optimizer, sgd } from '@multihead/train';
import { type Archive, type Json, spelled, type TensorRef } from '../archive.js';
import { type Check, notBuilt, type Values } from '../suite.js';
import { leafOf, lending, valuesOf } from '../tensors.js';
import { checksOf } from './checks.js';
import type { TorchCase } from './document.js';

/* The families optim and clip: parameters after each of a few steps with given gradients, and gradients after clipping. */

export interface OptimizerCase extends TorchCase {
  readonly params: readonly TensorRef[];
  readonly step_grads: readonly (readonly (TensorRef | null)[])[];
  readonly groups: readonly ({ readonly params: readonly number[] } & Readonly<Record<string, Json>>)[] | null;
}

type Options = Readonly<Record<string, Json>>;

/** How PyTorch computes, not what. */
const withoutEffect = new Set(['foreach', 'fused', 'capturable', 'differentiable', 'params']);

const rules: Readonly<Record<string, { options: Options; make(parameters: Tensor[], options: Options): Optimizer }>> = {
  SGD: {
    options: { lr: 1e-3, momentum: 0, dampening: 0, nesterov: false, weight_decay: 0 },
    make: (parameters, { lr, momentum, dampening, nesterov, weight_decay }) =>
      sgd(parameters, {
        lr: lr as number,
        momentum: momentum as number,
        dampening: dampening as number,
        nesterov: nesterov as boolean,
        weightDecay: weight_decay as number,
      }),
  },
  Adam: {
    options: { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0, decoupled_weight_decay: false },
    make: (parameters, options) => (options.decoupled_weight_decay ? adamw : adam)(parameters, adamOptions(options)),
  },
  AdamW: {
    options: { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 1e-2 },
    make: (parameters, options) => adamw(parameters, adamOptions(options)),
  },
};

function adamOptions({ lr, betas, eps, weight_decay }: Options) {
  return { lr: lr as number, betas: betas as [number, number], eps: eps as number, weightDecay: weight_decay as number };
}

/** The optimizer `name` (`AdamW`) by PyTorch's options. An option that is off counts for nothing. */
export function optimizerOf(name: string, parameters: Tensor[], given: Options): Optimizer {
  if (!Object.hasOwn(rules, name)) throw notBuilt(`optim.${name}`);
  const { options, make } = rules[name];
  for (const [key, value] of Object.entries(given)) {
    if (value !== false && value !== null && !Object.hasOwn(options, key) && !withoutEffect.has(key))
      throw notBuilt(`optim.${name} with ${key}`);
  }
  return make(parameters, { ...options, ...given });
}

export async function runOptimizer(golden: OptimizerCase, archive: Archive, backend: Backend): Promise<Check[]> {
  const parameters = golden.params.map((ref) => leafOf(archive, ref, backend, true));
  const name = golden.op.replace(/^optim\./, '');
  const groups = golden.groups ?? [{ params: parameters.map((_, i) => i) }];
  const kwargs = golden.kwargs ?? {};
  // One optimizer takes one set of options: PyTorch's parameter groups are several of them.
  const optimizers = groups.map(({ params, ...own }) => optimizerOf(name, params.map((i) => parameters[i]), { ...kwargs, ...own })); // biome-ignore format: one call
  return lending(parameters, async () => {
    const outputs: Values[] = [];
    for (const grads of golden.step_grads) {
      give(parameters, grads, archive, backend);
      for (const optimizer of optimizers) optimizer.step();
      for (const parameter of parameters) outputs.push(await valuesOf(parameter));
    }
    for (const optimizer of optimizers) optimizer.dispose();
    return checksOf(golden, archive, { outputs });
  });
}

function give(parameters: readonly Tensor[], grads: readonly (TensorRef | null)[], archive: Archive, backend: Backend): void {
  grads.forEach((ref, i) => {
    parameters[i].grad = ref && leafOf(archive, ref, backend);
  });
}

export async function runClip(golden: TorchCase, archive: Archive, backend: Backend): Promise<Check[]> {
  const refs = Object.values(golden.inputs ?? {}) as TensorRef[];
  const parameters = refs.map((ref) => leafOf(archive, ref, backend, true));
  give(parameters, refs, archive, backend);
  const option = (name: string, fallback: number) => spelled(golden.kwargs?.[name] ?? fallback) as number;
  return lending(parameters, async () => {
    const clipped = () => parameters.map((parameter) => parameter.grad);
    if (golden.op === 'clip_grad_norm') {
      const norm = clipGradNorm(parameters, option('max_norm', 1), { normType: option('norm_type', 2) });
      return checksOf(golden, archive, { outputs: [norm, ...clipped()] });
    }
    if (golden.op !== 'clip_grad_value') throw notBuilt(golden.op);
    clipGradValue(parameters, option('clip_value', 1));
    return checksOf(golden, archive, { outputs: clipped() });
  });
}
