import {
  adamStep,
  attention,
  type Backend,
  composed,
  cpu,
  crossEntropy,
  type DeviceBuffer,
  dropout,
  type Fused,
  GradientError,
  gelu,
  grad,
  layerNorm,
  linear,
  liveTensors,
  noGrad,
  Rng,
  randn,
  rmsNorm,
  scope,
  silu,
  softmax,
  square,
  sum,
  type Tensor,
  tensor,
  withBackend,
  zeros,
} from '@multihead/tensor';
import { describe, expect, it, vi } from 'vitest';
import { expectClose, messageOf } from './expectations.js';

type Kernel = keyof Fused<DeviceBuffer>;

const random = (shape: number[], seed: number) => randn(shape, { rng: new Rng(seed), requiresGrad: true });

/** One use of each fused operation; the tensors that it is differentiated by come with it. */
const operations: Record<string, () => { y: Tensor; by: Tensor[] }> = {
  linear: () => {
    const by = [random([3, 4], 1), random([2, 4], 2), random([2], 3)] as const;
    return { y: linear(...by, { activation: 'gelu' }), by: [...by] };
  },
  softmax: () => {
    const x = random([3, 4], 1);
    return { y: softmax(x), by: [x] };
  },
  layerNorm: () => {
    const by = [random([3, 4], 1), random([4], 2), random([4], 3)] as const;
    return { y: layerNorm(...by), by: [...by] };
  },
  rmsNorm: () => {
    const by = [random([3, 4], 1), random([4], 2)] as const;
    return { y: rmsNorm(...by), by: [...by] };
  },
  attention: () => {
    const by = [random([1, 2, 3, 4], 1), random([1, 1, 5, 4], 2), random([1, 1, 5, 2], 3)] as const;
    return { y: attention(...by, { causalOffset: 0 }), by: [...by] };
  },
  crossEntropy: () => {
    const x = random([3, 4], 1);
    return { y: crossEntropy(x, tensor(Int32Array.of(0, 3, 1)), { reduction: 'none' }), by: [x] };
  },
  dropout: () => {
    const x = random([3, 4], 1);
    return { y: dropout(x, 0.5, new Rng(9)), by: [x] };
  },
};

/** The CPU backend with fused kernels of the test's own. */
function withFused(fused: Partial<Fused<DeviceBuffer>>): Backend {
  return Object.assign(cpu(), { fused });
}

async function valueAndGradients(operation: () => { y: Tensor; by: Tensor[] }): Promise<Float32Array[]> {
  const { y, by } = operation();
  const gradients = grad(sum(square(y)), by);
  return Promise.all([y, ...gradients].map(async (t) => (await t!.data()) as Float32Array));
}

describe('a fused kernel that declines leaves the definition to serve', () => {
  for (const [name, operation] of Object.entries(operations)) {
    it(name, async () => {
      using _ = scope();
      const expected = await valueAndGradients(operation);
      const declines = vi.fn(() => false);
      const backend = withFused({ [name]: declines, [`${name}Grad`]: declines });
      const found = await withBackend(backend, () => valueAndGradients(operation));
      expect(declines).toHaveBeenCalled();
      expect(found).toEqual(expected);
    });
  }

  it('and frees the output that it had been given', () => {
    const before = liveTensors();
    const backend = withFused({ softmax: () => false });
    {
      using _ = scope();
      softmax(zeros([2, 2], { backend }));
    }
    expect([liveTensors(), backend.memory().buffers]).toEqual([before, 0]);
  });

  it('and so does one that throws', () => {
    const fails = () => {
      throw new Error('inside the kernel');
    };
    const backend = withFused({ softmax: fails });
    {
      using _ = scope();
      expect(() => softmax(zeros([2, 2], { backend }))).toThrow('inside the kernel');
    }
    expect(backend.memory().buffers).toBe(0);
  });
});

describe('a fused kernel without its gradient does not serve where gradients are recorded', () => {
  for (const name of ['softmax', 'layerNorm', 'rmsNorm', 'attention', 'crossEntropy'] as const) {
    it(name, async () => {
      using _ = scope();
      const expected = await valueAndGradients(operations[name]!);
      const kernel = vi.fn(() => true);
      const backend = withFused({ [name]: kernel });
      const found = await withBackend(backend, () => valueAndGradients(operations[name]!));
      expect(found).toEqual(expected);
      expect(kernel).not.toHaveBeenCalled();
      withBackend(backend, () => noGrad(() => operations[name]!()));
      expect(kernel).toHaveBeenCalledTimes(1);
    });
  }
});

describe('composed()', () => {
  for (const [name, operation] of Object.entries(operations)) {
    it(`never asks for the fused ${name}`, () => {
      using _ = scope();
      const kernel = vi.fn(() => true);
      withBackend(withFused({ [name]: kernel, [`${name}Grad`]: kernel }), () => composed(operation));
      expect(kernel).not.toHaveBeenCalled();
    });
  }
});

describe('a fused kernel that serves', () => {
  const data = (buffer: DeviceBuffer) => (buffer as unknown as { data: Float32Array }).data;

  it('gets the output to fill, and its gradient kernel what it saved', async () => {
    using _ = scope();
    const calls: string[] = [];
    const backend = withFused({
      softmax: (out, x, { rows, columns, log }) => {
        calls.push(`softmax ${rows} × ${columns} ${log}`);
        data(out).set(data(x).map((v) => v / 2));
        return true;
      },
      softmaxGrad: (dx, dy, y) => {
        calls.push('softmaxGrad');
        data(dx).set(data(dy).map((v, i) => v + data(y)[i]!));
        return true;
      },
    });
    const x = tensor([[2, 4], [6, 8]], { backend, requiresGrad: true }); // biome-ignore format: a matrix
    const y = softmax(x);
    expect(await y.data()).toEqual(Float32Array.of(1, 2, 3, 4));
    sum(y).backward();
    expect(await x.grad!.data()).toEqual(Float32Array.of(2, 3, 4, 5));
    expect(calls).toEqual(['softmax 2 × 2 false', 'softmaxGrad']);
  });

  it('is asked for float32 only, and never for nothing', () => {
    using _ = scope();
    const kernel = vi.fn(() => true);
    const backend = withFused({ softmax: kernel });
    softmax(zeros([2], { backend, dtype: 'float64' }));
    softmax(zeros([0, 2], { backend }));
    expect(kernel).not.toHaveBeenCalled();
  });

  it('updates in place: adamStep', async () => {
    using _ = scope();
    const step = vi.fn((param: DeviceBuffer) => {
      data(param).fill(7);
      return true;
    });
    const backend = withFused({ adamStep: step });
    const [p, g, m, v] = [1, 2, 0, 0].map((n) => tensor([n], { backend })) as [Tensor, Tensor, Tensor, Tensor];
    adamStep(p, g, { m, v }, { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0, decoupled: true, step: 1 });
    expect(await p.toArray()).toEqual([7]);
  });
});

describe('a gradient that a kernel computes', () => {
  it('refuses to be differentiated again, naming the way that works', async () => {
    const kernels: Partial<Record<Kernel, () => boolean>> = {};
    for (const name of ['softmax', 'layerNorm', 'rmsNorm', 'attention', 'crossEntropy', 'linear'] as const) {
      kernels[name] = () => true;
      if (name !== 'linear') kernels[`${name}Grad`] = () => true;
    }
    const backend = withFused(kernels as Partial<Fused<DeviceBuffer>>);
    for (const name of Object.keys(kernels).filter((key) => !key.endsWith('Grad'))) {
      using _ = scope();
      const { y, by } = withBackend(backend, operations[name]!);
      const message = messageOf(GradientError, () => grad(sum(y), by, { createGraph: true }));
      expect(message).toMatch(new RegExp(`^${name}: its gradient cannot be differentiated again; make the output inside composed`));
      expect(() => grad(sum(y), by)).not.toThrow();
    }
    using _ = scope();
    for (const f of [gelu, silu]) {
      const x = tensor([1], { requiresGrad: true });
      expect(messageOf(GradientError, () => grad(sum(f(x)), [x], { createGraph: true }))).toMatch(/inside composed/);
      const [first] = composed(() => grad(sum(f(x)), [x], { createGraph: true }));
      const [second] = grad(sum(first!), [x]);
      expectClose([Math.sign(await second!.item())], [1]);
    }
  });
});
