import { add, type Backend, mul, parameters, stateDict, type Tensor } from '@multihead/tensor';
import {
  classificationLoss,
  contrastiveLoss,
  labelLoss,
  loadBalancingLoss,
  nextTokenLoss,
  replacedTokenLoss,
  shiftRight,
  spanLoss,
} from '@multihead/transformer/loss';
import type { Archive } from '../archive.js';
import { type Check, notBuilt } from '../suite.js';
import { leafOf } from '../tensors.js';
import type { HfCase } from './document.js';
import { type AnyModel, argumentsOf } from './forward.js';

/* The loss of a batch, and of each parameter's gradient the norm, the sum and the first four elements. */

type Context = Readonly<Record<string, unknown>>;
type Labels = Readonly<Record<string, Tensor | undefined>>;
type LossOf = (model: AnyModel, tensors: unknown[], context: Context, labels: Labels) => Tensor;

const logitsOf = (model: AnyModel, tensors: unknown[], context: Context) => model.forward(...tensors, context) as Tensor;
const outputsOf = (model: AnyModel, tensors: unknown[], context: Context) => model.forward(...tensors, context) as Record<string, Tensor>;

/** Of a language model; where its config asks for the routers' logits, with their share. */
const causal: LossOf = (model, tensors, context, { labels }) => {
  const config = model.config as { output_router_logits?: boolean; router_aux_loss_coef?: number; num_experts_per_tok?: number };
  if (!config.output_router_logits) return nextTokenLoss(logitsOf(model, tensors, context), labels!);
  const routers: Tensor[] = [];
  const tap = (name: string, x: Tensor) => void (name.endsWith('.router_logits') && routers.push(x));
  const loss = nextTokenLoss(logitsOf(model, tensors, { ...context, tap }), labels!);
  const balance = loadBalancingLoss(routers, { num_experts_per_tok: config.num_experts_per_tok!, mask: context.mask as Tensor });
  return add(loss, mul(balance, config.router_aux_loss_coef!));
};

/** Of a model of two stacks: the decoder reads the labels one place later. */
const stacked: LossOf = (model, tensors, context, { labels }) => {
  const { decoder_start_token_id: start, pad_token_id: pad } = model.config as { decoder_start_token_id: number; pad_token_id: number };
  return labelLoss(logitsOf(model, [...tensors, shiftRight(labels!, { start, pad })], context), labels!);
};

/** By what the name of a class ends in. */
const losses: readonly (readonly [RegExp, LossOf])[] = [
  [/(LMHeadModel|ForCausalLM)$/, causal],
  [
    /(ForMaskedLM|ForTokenClassification|ForMultipleChoice|ForNextSentencePrediction)$/,
    (model, tensors, context, { labels }) => labelLoss(logitsOf(model, tensors, context), labels!),
  ],
  [
    /For(Sequence|Image|Audio)Classification$/,
    (model, tensors, context, { labels }) => classificationLoss(logitsOf(model, tensors, context), labels!),
  ],
  [
    /ForQuestionAnswering$/,
    (model, tensors, context, { start_positions, end_positions }) =>
      spanLoss(outputsOf(model, tensors, context) as Parameters<typeof spanLoss>[0], { start: start_positions!, end: end_positions! }),
  ],
  [/(ForConditionalGeneration|MTModel)$/, stacked],
  [
    /^BertForPreTraining$/,
    (model, tensors, context, { labels, next_sentence_label: next }) => {
      const { prediction_logits, seq_relationship_logits } = outputsOf(model, tensors, context);
      return add(labelLoss(prediction_logits!, labels!), labelLoss(seq_relationship_logits!, next!));
    },
  ],
  [
    /^ElectraForPreTraining$/,
    (model, tensors, context, { labels }) =>
      replacedTokenLoss(logitsOf(model, tensors, context), labels!, context.mask as Tensor | undefined),
  ],
  [/^CLIPModel$/, (model, tensors, context) => contrastiveLoss(outputsOf(model, tensors, context).logits_per_text!)],
];

/** The inputs that are not read, but compared with. */
const labelNames = ['labels', 'next_sentence_label', 'start_positions', 'end_positions'];

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
  if (!lossOf) throw notBuilt(`the loss of ${className}`);
  const { tensors, context } = argumentsOf(inputs, archive, backend);
  const given = labelNames.flatMap((name) => (inputs[name] ? [[name, leafOf(archive, inputs[name], backend)] as const] : []));
  const loss = lossOf(model, tensors, context, Object.fromEntries(given));
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
