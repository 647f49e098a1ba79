import { add, type Backend, bceWithLogits, cast, mul, parameters, stateDict, type Tensor } from '@multihead/tensor';
import { contrastiveLoss, labelLoss, nextTokenLoss, shiftRight } from '@multihead/transformer/loss';
import type { Archive } from '../archive.js';
import { type Check, notBuilt } from '../suite.js';
import { leafOf } from '../tensors.js';
import type { HfCase } from './document.js';
import { type AnyModel, argumentsOf } from './forward.js';

/* The loss of a batch, and of each parameter's gradient the norm, the sum and the first four elements. */

type LossOf = (model: AnyModel, tensors: unknown[], context: object, labels: Tensor | undefined) => Tensor;

/** Logits of where an answer begins and ends, with both places. */
function spanLoss(model: AnyModel, tensors: unknown[], context: object, [start, end]: Tensor[]): Tensor {
  const logits = model.forward(...tensors, context) as Record<string, Tensor>;
  return mul(add(labelLoss(logits.start_logits, start), labelLoss(logits.end_logits, end)), 0.5);
}

/** By what the name of a class ends in. */
const losses: readonly (readonly [RegExp, LossOf])[] = [
  [/(LMHeadModel|ForCausalLM)$/, (model, tensors, context, labels) => nextTokenLoss(model.forward(...tensors, context) as Tensor, labels!)],
  [
    /(ForMaskedLM|ForSequenceClassification|ForTokenClassification|ForImageClassification)$/,
    (model, tensors, context, labels) => labelLoss(model.forward(...tensors, context) as Tensor, labels!),
  ],
  [
    /(ForConditionalGeneration|MTModel)$/,
    (model, tensors, context, labels) => {
      const { decoder_start_token_id: start, pad_token_id: pad } = model.config as { decoder_start_token_id: number; pad_token_id: number };
      return labelLoss(model.forward(...tensors, shiftRight(labels!, { start, pad }), context) as Tensor, labels!);
    },
  ],
  [
    /^ElectraForPreTraining$/,
    (model, tensors, context, labels) => bceWithLogits(model.forward(...tensors, context) as Tensor, cast(labels!, 'float32')),
  ],
  [
    /^CLIPModel$/,
    (model, tensors, context) => contrastiveLoss((model.forward(...tensors, context) as Record<string, Tensor>).logits_per_text),
  ],
];

/** Parameters that transformers 5 calls otherwise in memory than in its files: what they are called there. */
const inFiles: readonly (readonly [RegExp, string])[] = [
  [/\.mlp\.gate\.weight$/, '.block_sparse_moe.gate.weight'],
  [/^vit\.layers\.(\d+)\./, 'vit.encoder.layer.$1.'],
  [/(vit\..*\.attention)\.q_proj\./, '$1.attention.query.'],
  [/(vit\..*\.attention)\.k_proj\./, '$1.attention.key.'],
  [/(vit\..*\.attention)\.v_proj\./, '$1.attention.value.'],
  [/(vit\..*\.attention)\.o_proj\./, '$1.output.dense.'],
  [/(vit\..*)\.mlp\.fc1\./, '$1.intermediate.dense.'],
  [/(vit\..*)\.mlp\.fc2\./, '$1.output.dense.'],
];

/** The gradient of a parameter by its name in memory: of one tensor, or of several that transformers 5 joins to one. null: none reaches it. */
async function gradientOf(name: string, state: ReadonlyMap<string, Tensor>): Promise<number[] | null> {
  const joined = /^(.*)\.mlp\.experts\.(gate_up_proj|down_proj)$/.exec(name);
  const file = inFiles.reduce((key, [ours, theirs]) => key.replace(ours, theirs), name);
  const plain = state.get(file) ?? (file === 'lm_head.weight' ? state.get('embed_out.weight') : undefined);
  const experts = joined && [...state.keys()].filter((key) => key.startsWith(`${joined[1]}.block_sparse_moe.experts.`));
  const parts = joined?.[2] === 'gate_up_proj' ? ['w1', 'w3'] : ['w2'];
  const count = experts ? experts.length / 3 : 0;
  const names = Array.from({ length: count }, (_, i) => parts.map((w) => `${joined![1]}.block_sparse_moe.experts.${i}.${w}.weight`)).flat();
  const tensors = plain ? [plain] : names.map((key) => state.get(key)!);
  if (tensors.length === 0) throw notBuilt(`the parameter ${name}`);
  if (tensors.every(({ grad }) => grad === null)) return null;
  const data = await Promise.all(
    tensors.map(async ({ grad, size }) => (grad ? Array.from(await grad.data()) : new Array<number>(size).fill(0))),
  );
  return data.flat();
}

export async function runLoss(golden: HfCase, className: string, model: AnyModel, archive: Archive, backend: Backend): Promise<Check[]> {
  const { inputs = {}, rtol = 0, grad_atol = 0 } = golden;
  const lossOf = losses.find(([pattern]) => pattern.test(className))?.[1];
  const spans = [inputs.start_positions, inputs.end_positions]
    .filter((ref) => ref !== undefined)
    .map((ref) => leafOf(archive, ref, backend));
  if (!lossOf && spans.length === 0) throw notBuilt(`the loss of ${className}`);
  const { tensors, context } = argumentsOf(inputs, archive, backend);
  const labels = inputs.labels && leafOf(archive, inputs.labels, backend);
  const loss = spans.length > 0 ? spanLoss(model, tensors, context, spans) : lossOf!(model, tensors, context, labels);
  loss.backward();
  const scalar = (n: number) => ({ shape: [], kind: 'float' as const, data: [n] });
  const exact = { rtol, atol: rtol, equalNan: false };
  const checks: Check[] = [{ what: 'loss', got: scalar(await loss.item()), want: [scalar(golden.loss!)], tolerance: exact }];
  const state = stateDict(model);
  for (const [name, summary] of Object.entries(golden.grads ?? {})) {
    const found = await gradientOf(name, state);
    const what = `gradient of ${name}`;
    if (summary === null) {
      checks.push({ what, got: found && scalar(0), want: [null], tolerance: exact });
      continue;
    }
    const data = found ?? [0];
    const [norm, sum, ...first] = summary;
    const allowed = grad_atol + rtol * norm;
    const total = data.reduce((s, x) => s + x, 0);
    const close = (atol: number) => ({ rtol: 0, atol, equalNan: false });
    checks.push({ what: `${what}, norm`, got: scalar(Math.hypot(...data)), want: [scalar(norm)], tolerance: close(allowed) });
    checks.push({ what: `${what}, sum`, got: scalar(total), want: [scalar(sum)], tolerance: close(allowed * Math.sqrt(data.length)) });
    const values = (list: readonly number[]) => ({ shape: [list.length], kind: 'float' as const, data: list });
    checks.push({ what: `${what}, start`, got: values(data.slice(0, first.length)), want: [values(first)], tolerance: close(allowed) });
  }
  for (const p of parameters(model)) p.grad?.dispose();
  return checks;
}
