import type { OpCase } from '../op-case.js';
import { activationOps } from './activation.js';
import { attentionOps } from './attention.js';
import { compareOps } from './compare.js';
import { createOps, updateOps } from './create-and-update.js';
import { cumulativeOps } from './cumulative.js';
import { elementwiseOps } from './elementwise.js';
import { indexingOps } from './indexing.js';
import { lossOps } from './loss.js';
import { matmulOps } from './matmul.js';
import { normOps } from './norm-and-loss.js';
import { randomOps } from './random.js';
import { reduceOps } from './reduce.js';
import { vectorNormOps } from './vector-norm.js';
import { viewOps } from './view.js';

/** The op table: one row for each exported op. A new op without a row fails a test of this package. */
export const opCases: readonly OpCase[] = [
  ...createOps,
  ...randomOps,
  ...viewOps,
  ...elementwiseOps,
  ...compareOps,
  ...activationOps,
  ...reduceOps,
  ...vectorNormOps,
  ...cumulativeOps,
  ...matmulOps,
  ...indexingOps,
  ...normOps,
  ...attentionOps,
  ...lossOps,
  ...updateOps,
];
