import type { BackendCase } from './backend-case.js';
import { attentionCases } from './fused-cases/attention.js';
import { crossEntropyCases } from './fused-cases/cross-entropy.js';
import { gateCases } from './fused-cases/gate.js';
import { linearCases } from './fused-cases/linear.js';
import { normCases } from './fused-cases/norm.js';
import { quantizedCases } from './fused-cases/quantized.js';
import { ropeCases } from './fused-cases/rope.js';
import { softmaxCases } from './fused-cases/softmax.js';
import { updateCases } from './fused-cases/update.js';
import { copyCases } from './kernel-cases/copy.js';
import { elementwiseCases } from './kernel-cases/elementwise.js';
import { indexingCases } from './kernel-cases/indexing.js';
import { matmulCases } from './kernel-cases/matmul.js';
import { orderCases } from './kernel-cases/order.js';
import { randomCases } from './kernel-cases/random.js';
import { reduceCases } from './kernel-cases/reduce.js';
import { selectAndCastCases } from './kernel-cases/select-and-cast.js';
import { storageCases } from './kernel-cases/storage.js';
import { windowCases } from './kernel-cases/window.js';
import { opCases } from './op-cases/index.js';
import { casesOf } from './op-runner.js';

/** Every case of the contract: required kernels, fused kernels, then the ops that stand on them. */
export const backendCases: readonly BackendCase[] = [
  ...storageCases,
  ...copyCases,
  ...selectAndCastCases,
  ...elementwiseCases,
  ...reduceCases,
  ...orderCases,
  ...matmulCases,
  ...indexingCases,
  ...windowCases,
  ...randomCases,
  ...linearCases,
  ...softmaxCases,
  ...normCases,
  ...attentionCases,
  ...crossEntropyCases,
  ...ropeCases,
  ...gateCases,
  ...quantizedCases,
  ...updateCases,
  ...opCases.flatMap(casesOf),
];
