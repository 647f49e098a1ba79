import { type Backend, parameters, stateDict, type Tensor } from '@multihead/tensor';
import { contrastiveLoss, labelLoss, nextTokenLoss, shiftRight } from '@multihead/transformer/loss';
import type { Archive } from '../archive.js';
import { type Check, notBuilt } from '../suite.js';
import { leafOf } from '../tensors.js';
import type { HfCase } from './document.js';
import { type AnyModel, argumentsOf } from './forward.js';

/* The loss of a batch, and of each parameter's gradient the norm, the sum and the first four elements. */

type LossOf = (model: AnyModel, tensors: unknown[], context: object, labels: Tensor | undefined) => Tensor;

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
    /^CLIPModel$/,
    (model, tensors, context) => contrastiveLoss((model.forward(...tensors, context) as Record<string, Tensor>).logits_per_text),
  ],
];

/** Parameters that transformers 5 calls otherwise in memory than in its files. */
const inMemory: readonly (readonly [RegExp, string])[] = [
  [/^lm_head\.weight$/, 'embed_out.weight'],
  [/^vit\.layers\.(\d+)\./, 'vit.encoder.layer.$1.'],
  [/\.attention\.([qkv])_proj\./, '.attention.attention.$1_proj.'],
  [/\.q_proj\.(?=weight|bias)/, '.query.'],
];

export async function runLoss(golden: HfCase, className: string, model: AnyModel, archive: Archive, backend: Backend): Promise<Check[]> {
  const { inputs = {}, rtol = 0, grad_atol = 0 } = golden;
  const lossOf = losses.find(([pattern]) => pattern.test(className))?.[1];
  if (!lossOf) throw notBuilt(`the loss of ${className}`);
  const { tensors, context } = argumentsOf(inputs, archive, backend);
  const loss = lossOf(model, tensors, context, inputs.labels && leafOf(archive, inputs.labels, backend));
  loss.backward();
  const scalar = (n: number) => ({ shape: [], kind: 'float' as const, data: [n] });
  const exact = { rtol, atol: rtol, equalNan: false };
  const checks: Check[] = [{ what: 'loss', got: scalar(await loss.item()), want: [scalar(golden.loss!)], tolerance: exact }];
  const state = stateDict(model);
  for (const [name, summary] of Object.entries(golden.grads ?? {})) {
    const parameter = state.get(name);
    if (!parameter) throw notBuilt(`the parameter ${name}`);
    const what = `gradient of ${name}`;
    if (summary === null) {
      checks.push({ what, got: parameter.grad && scalar(0), want: [null], tolerance: exact });
      continue;
    }
    const data = parameter.grad ? Array.from(await parameter.grad.data()) : [0];
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
