import type { OpCase } from '../op-case.js';
import { attentionOps } from './attention.js';
import { copyOps } from './copies.js';
import { createOps, updateOps } from './create-and-update.js';
import { dataOps } from './data.js';
import { elementwiseOps } from './elementwise.js';
import { indexingOps } from './indexing.js';
import { matmulOps } from './matmul.js';
import { lossOps, normOps } from './norm-and-loss.js';
import { orderOps } from './order.js';
import { productOps } from './products.js';
import { reduceOps } from './reduce.js';
import { scatterOps } from './scatter.js';
import { sliceOps } from './slice.js';
import { viewOps } from './view.js';

/** The op table: one row for each exported op. A new op without a row fails a test of this package. */
export const opCases: readonly OpCase[] = [
  ...createOps,
  ...viewOps,
  ...sliceOps,
  ...copyOps,
  ...elementwiseOps,
  ...reduceOps,
  ...matmulOps,
  ...productOps,
  ...indexingOps,
  ...scatterOps,
  ...orderOps,
  ...dataOps,
  ...normOps,
  ...attentionOps,
  ...lossOps,
  ...updateOps,
];
