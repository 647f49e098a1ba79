import { type Backend, noGrad, softmax, type Tensor, tensor } from '@multihead/tensor';
import { fromTokenizerJson, type PipelineTokenizer, type TokenizerJson } from '@multihead/tokenizer';
import { nextTokenLoss } from '@multihead/transformer/loss';
import {
  classify,
  complete,
  type TextModel,
  type TextToTextModel,
  textToText,
  translate,
  type WritingModel,
} from '@multihead/transformer/text';
import type { Folder } from '../folder.js';
import type { Check, Finding, Values } from '../suite.js';
import { valuesOf } from '../tensors.js';
import type { HfCase } from './document.js';
import type { AnyModel } from './forward.js';
import { configOf, sameIds, sequencesOf } from './generate.js';

/* Models that were really trained, with their tokenizers: text in, text out. */

function tokenizerOf(folder: Folder): PipelineTokenizer {
  return fromTokenizerJson(folder.json('tokenizer.json') as TokenizerJson);
}

function batchOf(ids: readonly number[], backend: Backend): Tensor {
  return tensor(Int32Array.from(ids), { shape: [1, ids.length], backend });
}

function list(data: readonly number[]): Values {
  return { shape: [data.length], kind: 'float', data };
}

export async function runClassification(golden: HfCase, model: AnyModel, backend: Backend, folder: Folder): Promise<(Check | Finding)[]> {
  const tokenizer = tokenizerOf(folder);
  const { ids } = tokenizer.encode(golden.text!);
  const [[likeliest]] = await classify(model as unknown as TextModel, tokenizer, [golden.text!]);
  const logits = noGrad(() => model.forward(batchOf(ids, backend)) as Tensor); // [1, L]
  const scores = Array.from((await valuesOf(softmax(logits))).data);
  const best = scores.indexOf(Math.max(...scores));
  const tolerance = { rtol: 0, atol: golden.atol!, equalNan: false };
  return [
    sameIds('input_ids', Array.from(ids), golden.input_ids),
    { what: 'logits', got: list(Array.from((await valuesOf(logits)).data)), want: [list(golden.logits!)], tolerance },
    { what: 'score', got: list([scores[best]]), want: [list([golden.score!])], tolerance },
    sameIds('label', (model.config as { id2label: string[] }).id2label[best], golden.label),
    sameIds('label of classify', likeliest.label, golden.label),
    { what: 'score of classify', got: list([likeliest.score]), want: [list([golden.score!])], tolerance },
  ];
}

export async function runTextGeneration(golden: HfCase, model: AnyModel, backend: Backend, folder: Folder): Promise<Finding[]> {
  const tokenizer = tokenizerOf(folder);
  const ids = Array.from(tokenizer.encode(golden.text!).ids);
  const config = configOf(golden, folder);
  const { sequences } = await sequencesOf(model, batchOf(ids, backend), undefined, config);
  const isOne = (config.num_beams ?? 1) === 1;
  const written = isOne ? await complete(model as unknown as WritingModel, tokenizer, golden.text!, config).text() : null;
  return [
    ...(isOne ? [sameIds('text of complete', written, golden.generated_text)] : []),
    sameIds('input_ids', ids, golden.input_ids),
    sameIds('sequences', sequences, golden.sequences),
    sameIds('generated_text', tokenizer.decode(sequences[0].slice(ids.length), { skipSpecialTokens: true }), golden.generated_text),
  ];
}

export async function runTextToText(golden: HfCase, model: AnyModel, backend: Backend, folder: Folder): Promise<Finding[]> {
  const tokenizer = tokenizerOf(folder);
  const ids = Array.from(tokenizer.encode(golden.text!).ids);
  const config = configOf(golden, folder);
  const { sequences } = await sequencesOf(model, batchOf(ids, backend), undefined, config);
  const language = model as unknown as TextToTextModel;
  const [answers] = await textToText(language, tokenizer, [golden.text!], config);
  const [best] = await translate(language, tokenizer, [golden.text!], config);
  const texts = sequences.map((row) => tokenizer.decode(row, { skipSpecialTokens: true }));
  return [
    sameIds('input_ids', ids, golden.input_ids),
    sameIds('sequences', sequences, golden.sequences),
    sameIds('texts', texts, golden.texts),
    sameIds('texts of textToText', answers, golden.texts),
    sameIds('text of translate', best, golden.texts?.[0]),
  ];
}

export async function runPerplexity(golden: HfCase, model: AnyModel, backend: Backend, folder: Folder): Promise<Check[]> {
  const ids = batchOf(Array.from(tokenizerOf(folder).encode(golden.text!).ids).slice(0, golden.first_tokens), backend);
  const loss = noGrad(() => nextTokenLoss(model.forward(ids) as Tensor, ids));
  const tolerance = { rtol: golden.rtol!, atol: 0, equalNan: false };
  return [{ what: 'perplexity', got: list([Math.exp(await loss.item())]), want: [list([golden.perplexity!])], tolerance }];
}
