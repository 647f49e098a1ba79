import type { OpCase } from '../op-case.js';
import { activationOps } from './activation.js';
import { attentionOps } from './attention.js';
import { channelNormOps } from './channel-norm.js';
import { compareOps } from './compare.js';
import { convOps } from './conv.js';
import { copyOps } from './copies.js';
import { createOps, updateOps } from './create-and-update.js';
import { cumulativeOps } from './cumulative.js';
import { dataOps } from './data.js';
import { elementwiseOps } from './elementwise.js';
import { gatedAndRotaryOps } from './gated-and-rotary.js';
import { indexingOps } from './indexing.js';
import { interpolateOps } from './interpolate.js';
import { lossOps } from './loss.js';
import { matmulOps } from './matmul.js';
import { normOps } from './norm.js';
import { orderOps } from './order.js';
import { poolOps } from './pool.js';
import { productOps } from './products.js';
import { randomOps } from './random.js';
import { reduceOps } from './reduce.js';
import { scatterOps } from './scatter.js';
import { sliceOps } from './slice.js';
import { vectorNormOps } from './vector-norm.js';
import { viewOps } from './view.js';

/** The op table: one row for each exported op. A new op without a row fails a test of this package. */
export const opCases: readonly OpCase[] = [
  ...createOps,
  ...randomOps,
  ...viewOps,
  ...sliceOps,
  ...copyOps,
  ...elementwiseOps,
  ...compareOps,
  ...activationOps,
  ...reduceOps,
  ...vectorNormOps,
  ...cumulativeOps,
  ...matmulOps,
  ...productOps,
  ...indexingOps,
  ...scatterOps,
  ...orderOps,
  ...dataOps,
  ...normOps,
  ...channelNormOps,
  ...convOps,
  ...poolOps,
  ...interpolateOps,
  ...attentionOps,
  ...gatedAndRotaryOps,
  ...lossOps,
  ...updateOps,
];
