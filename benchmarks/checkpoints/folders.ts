import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cpu, dispose, loadStateDict, withBackend } from '@multihead/tensor';
import { save } from '@multihead/transformer/node';
import { bertGraph, fusedBertGraph } from '../onnx/bert.ts';
import { gpt2Graph } from '../onnx/gpt2.ts';
import { model as onnxFile } from '../onnx/model.ts';
import { stateOf, type Weights } from '../weights.ts';
import * as bert from './bert.ts';
import * as gpt2 from './gpt2.ts';
import { bertTokenizer, gpt2Tokenizer } from './vocabularies.ts';

/*
 * Checkpoints in folders as they lie on the Hub, the same weights for each library: model.safetensors as our `save` writes it, and ONNX graphs in
 * onnx/. They are made on first use, and kept in build/.
 */

// The bundle lies in build/.
export const checkpoints = fileURLToPath(new URL('../build/checkpoints', import.meta.url));

/** Of which the name of the folder tells; a change of what is written wants another number. */
const edition = 1;

export type Name = 'bert' | 'gpt2';
export const folderName = (name: Name) => `${name}-${edition}`;

/** The path of a checkpoint, which is there after. */
export async function checkpoint(name: Name): Promise<string> {
  const path = join(checkpoints, folderName(name));
  const done = join(path, '.done');
  if (existsSync(done)) return path;
  mkdirSync(join(path, 'onnx'), { recursive: true });
  if (name === 'bert') await writeBert(path);
  else await writeGpt2(path);
  writeFileSync(done, '');
  return path;
}

async function writeBert(path: string): Promise<void> {
  const weights = bert.weights();
  await saveOurs(bert.newModel(), weights, path);
  writeJson(path, 'tokenizer.json', bertTokenizer(bert.shape.vocabulary));
  writeJson(path, 'tokenizer_config.json', {
    tokenizer_class: 'BertTokenizer',
    do_lower_case: true,
    model_max_length: bert.shape.positions,
    pad_token: '[PAD]',
    unk_token: '[UNK]',
    cls_token: '[CLS]',
    sep_token: '[SEP]',
    mask_token: '[MASK]',
  });
  writeFileSync(join(path, 'onnx', 'model.onnx'), onnxFile(bertGraph(weights)));
  writeFileSync(join(path, 'onnx', 'model_fused.onnx'), onnxFile(fusedBertGraph(weights)));
}

async function writeGpt2(path: string): Promise<void> {
  const weights = gpt2.weights();
  const named = new Map([...weights].map(([name, weight]) => [`transformer.${name}`, weight]));
  named.set('lm_head.weight', weights.get('wte.weight')!);
  await saveOurs(gpt2.newModel(), named, path);
  writeJson(path, 'tokenizer.json', gpt2Tokenizer());
  writeJson(path, 'tokenizer_config.json', {
    tokenizer_class: 'GPT2Tokenizer',
    model_max_length: gpt2.shape.positions,
    bos_token: '<|endoftext|>',
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
  });
  writeJson(path, 'generation_config.json', { bos_token_id: 50256, eos_token_id: 50256 });
  writeFileSync(join(path, 'onnx', 'model.onnx'), onnxFile(gpt2Graph(weights)));
}

async function saveOurs(model: Parameters<typeof save>[0] & object, weights: Weights, path: string): Promise<void> {
  withBackend(cpu(), () => loadStateDict(model, stateOf(weights)));
  await save(model, path);
  dispose(model);
}

function writeJson(path: string, file: string, content: unknown): void {
  writeFileSync(join(path, file), JSON.stringify(content));
}

export function textOf(path: string, file: string): string {
  return readFileSync(join(path, file), 'utf8');
}
