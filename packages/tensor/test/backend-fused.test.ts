import { type Backend, cpu, type DeviceBuffer, type Fused, fillRandom, type NormArgs, ValueError } from '@multihead/tensor';
import { describeBackend } from '@multihead/tensor/testing';
import { type AttentionData, attentionGradReference, attentionReference, type Mask } from '../src/testing/fused-cases/attention.js';
import { crossEntropyReference } from '../src/testing/fused-cases/cross-entropy.js';
import { gateGradReference, gateReference } from '../src/testing/fused-cases/gate.js';
import { linearReference } from '../src/testing/fused-cases/linear.js';
import { normGradReference, normReference } from '../src/testing/fused-cases/norm.js';
import { linearQReference } from '../src/testing/fused-cases/quantized.js';
import { ropeReference } from '../src/testing/fused-cases/rope.js';
import { softmaxGradReference, softmaxReference } from '../src/testing/fused-cases/softmax.js';
import { adamReference } from '../src/testing/fused-cases/update.js';

/*
 * Backends made of the CPU's required kernels and of the suite's own references as fused kernels. The suite then holds the references
 * against the composed definitions of the ops, whose gradients `gradcheck` has seen: nothing is a reference to itself alone.
 */

type Floats = Float32Array;

/** The fused kernels, by the references, on the buffers of `backend`. */
function referenceKernels(backend: Backend): Fused<DeviceBuffer> {
  const get = (x: DeviceBuffer): Floats => backend.readSync!(x) as Floats;
  const maybe = (x: DeviceBuffer | null): Floats | null => x && get(x);
  const set = (out: DeviceBuffer | null, values: Float64Array): true => {
    if (out) backend.write(out, Float32Array.from(values));
    return true;
  };
  const norm = (x: DeviceBuffer, weight: DeviceBuffer | null, bias: DeviceBuffer | null, args: NormArgs, centre: boolean) =>
    normReference(get(x), maybe(weight), maybe(bias), args, centre);
  return {
    linear: (out, pre, x, weight, bias, args) => {
      const y = linearReference(get(x), get(weight), maybe(bias), args);
      return set(pre, y.pre) && set(out, y.out);
    },
    softmax: (out, x, { rows, columns, log }) => set(out, softmaxReference(get(x), rows, columns, log)),
    softmaxGrad: (dx, dy, y, { rows, columns, log }) => set(dx, softmaxGradReference(get(dy), get(y), rows, columns, log).dx),
    layerNorm: (out, mean, rstd, x, weight, bias, args) => {
      const y = norm(x, weight, bias, args, true);
      return set(mean, y.mean) && set(rstd, y.rstd) && set(out, y.out);
    },
    layerNormGrad: (dx, dWeight, dBias, dy, x, weight, _mean, _rstd, args) => {
      const g = normGradReference(get(dy), get(x), maybe(weight), args, true);
      return set(dWeight, g.dWeight) && set(dBias, g.dBias) && set(dx, g.dx);
    },
    rmsNorm: (out, rstd, x, weight, args) => {
      const y = norm(x, weight, null, args, false);
      return set(rstd, y.rstd) && set(out, y.out);
    },
    rmsNormGrad: (dx, dWeight, dy, x, weight, _rstd, args) => {
      const g = normGradReference(get(dy), get(x), maybe(weight), args, false);
      return set(dWeight, g.dWeight) && set(dx, g.dx);
    },
    attention: (out, lse, q, k, v, mask, args) => {
      const data: AttentionData = { q: get(q), k: get(k), v: get(v) };
      const y = attentionReference(Float64Array.from(get(out)), data, maybe(mask) as Mask, args);
      return set(lse, y.lse) && set(out, y.out);
    },
    attentionGrad: ({ dq, dk, dv, dqView, dkView, dvView }, dOut, { q, k, v, mask, out }, args) => {
      const data: AttentionData = { q: get(q), k: get(k), v: get(v) };
      const grads = { dq: new Float64Array(q.length), dk: new Float64Array(k.length), dv: new Float64Array(v.length) };
      attentionGradReference(grads, get(dOut), data, maybe(mask) as Mask, args, get(out));
      const { batch, heads, kvHeads, queryLength, keyLength, dim, valueDim } = args;
      const place = (out: DeviceBuffer, to: typeof args.q, from: typeof args.q, grad: Float64Array, sizes: readonly number[]): void => {
        const [n, tokens, width] = sizes as [number, number, number];
        for (let i = 0; i < batch * n * tokens; i++) {
          const [b, h, t] = [Math.floor(i / (n * tokens)), Math.floor(i / tokens) % n, i % tokens];
          const at = (view: typeof args.q) => view.offset + b * view.batch + h * view.head + t * view.token;
          backend.write(out, Float32Array.from(grad.subarray(at(from), at(from) + width)), at(to));
        }
      };
      place(dq, dqView, args.q, grads.dq, [heads, queryLength, dim]);
      place(dk, dkView, args.k, grads.dk, [kvHeads, keyLength, dim]);
      place(dv, dvView, args.v, grads.dv, [kvHeads, keyLength, valueDim]);
      return true;
    },
    crossEntropy: (loss, lse, logits, targets, args) => {
      const ids = backend.readSync!(targets) as Int32Array;
      ids.forEach((id, row) => {
        if (id !== args.ignoreIndex && (id < 0 || id >= args.classes)) throw new ValueError(`crossEntropy: target ${id} in row ${row}`);
      });
      const y = crossEntropyReference(get(logits), ids, new Float32Array(args.rows), args);
      return set(lse, y.lse) && set(loss, y.loss);
    },
    crossEntropyGrad: (dLogits, dLoss, logits, _lse, targets, args) =>
      set(dLogits, crossEntropyReference(get(logits), backend.readSync!(targets) as Int32Array, get(dLoss), args).dLogits),
    rope: (out, x, cos, sin, args) => set(out, ropeReference(Float64Array.from(get(out)), get(x), get(cos), get(sin), args)),
    glu: (out, gate, up, { activation }) => set(out, gateReference(get(gate), get(up), activation)),
    gluGrad: (dGate, dUp, dy, gate, up, { activation }) => {
      const g = gateGradReference(get(dy), get(gate), get(up), activation);
      return set(dGate, g.dGate) && set(dUp, g.dUp);
    },
    linearQ: (out, x, weight, scales, bias, args) =>
      set(out, linearQReference(get(x), backend.readSync!(weight) as Int32Array, get(scales), maybe(bias), args).y),
    dropout: (out, x, args) => {
      const draws = new Float32Array(x.length);
      fillRandom(draws, { kind: 'uniform', ...args });
      return set(
        out,
        Float64Array.from(get(x), (v, i) => (draws[i]! >= args.p ? v / (1 - args.p) : 0)),
      );
    },
    adamStep: (param, grad, m, v, args) => {
      const state = { param: Float64Array.from(get(param)), m: Float64Array.from(get(m)), v: Float64Array.from(get(v)) };
      const next = adamReference(state, get(grad), args);
      return set(m, next.m) && set(v, next.v) && set(param, next.param);
    },
  };
}

function delegating(make: (backend: Backend) => Partial<Fused<DeviceBuffer>>): () => Backend {
  return () => {
    const backend = cpu();
    const bound = {
      name: 'reference',
      dtypes: backend.dtypes,
      kernels: backend.kernels,
      alloc: backend.alloc.bind(backend),
      free: backend.free.bind(backend),
      write: backend.write.bind(backend),
      read: backend.read.bind(backend),
      readSync: backend.readSync!.bind(backend),
      memory: backend.memory.bind(backend),
      dispose: backend.dispose.bind(backend),
    };
    return { ...bound, fused: make(backend) };
  };
}

describeBackend('reference', delegating(referenceKernels));

/** Forward kernels without gradients, and some that decline half of what they are asked: slow, and right. */
describeBackend(
  'half-written',
  delegating((backend) => {
    const { softmax, layerNorm, layerNormGrad, attention, linear } = referenceKernels(backend);
    return {
      softmax,
      attention,
      layerNorm,
      layerNormGrad,
      linear: (out, pre, x, weight, bias, args) => args.rows % 2 === 0 && linear(out, pre, x, weight, bias, args),
    };
  }),
);
