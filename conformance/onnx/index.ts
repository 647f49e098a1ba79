import type { Backend } from '@multihead/tensor';
import { type Archive, openFamilies } from '../archive.js';
import { type Check, notBuilt, Skip, type Suite } from '../suite.js';
import { activations } from './activations.js';
import { attentions } from './attention.js';
import { Call, type Row, type Table } from './call.js';
import { checksOf, refuseOutputs } from './checks.js';
import type { OnnxCase } from './document.js';
import { formulas } from './formulas.js';
import { indexing } from './indexing.js';
import { leftOut } from './left-out.js';
import { network } from './network.js';
import { optimizers } from './optimizers.js';
import { pointwise } from './pointwise.js';
import { recurrentAttentions } from './recurrent-attention.js';
import { reduce } from './reduce.js';
import { resizes } from './resize.js';
import { shape } from './shape.js';
import { spatial } from './spatial.js';

/** The backend node tests of the ONNX project: one operator each, its outputs. */
export const onnx: Suite = {
  name: 'onnx',
  open: (folder) =>
    openFamilies<OnnxCase>(folder, 'onnx', ({ family, cases }, archive) =>
      cases.map((golden) => ({ name: golden.name, run: (backend) => runNode(golden, family, archive, backend) })),
    ),
};

const operators: Table = {
  ...pointwise,
  ...activations,
  ...reduce,
  ...shape,
  ...indexing,
  ...network,
  ...attentions,
  ...recurrentAttentions,
  ...optimizers,
  ...spatial,
  ...resizes,
  ...formulas,
};

function rowOf({ op_type: op, tier }: OnnxCase): Row {
  if (Object.hasOwn(operators, op)) return operators[op];
  if (Object.hasOwn(leftOut, op)) throw new Skip(`by design: ${leftOut[op]}`);
  throw notBuilt(tier === 'extra' ? `${op} (extra tier)` : op);
}

async function runNode(golden: OnnxCase, family: string, archive: Archive, backend: Backend): Promise<Check[]> {
  const row = rowOf(golden);
  const call = new Call(golden, row.inputs, archive, backend);
  refuseOutputs(golden, archive);
  return checksOf(golden, family, archive, await row.run(call));
}
