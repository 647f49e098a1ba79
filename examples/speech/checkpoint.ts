import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from '@multihead/transformer/load';
import { folder, save } from '@multihead/transformer/node';
import { WhisperForConditionalGeneration } from '@multihead/transformer/whisper';
import { features } from './model.js';
import { generationConfig, tokenizerJson } from './tokens.js';

/** Writes all that `transcribe` needs, and Python's `pipeline`: weights in half precision, config, tokenizer, features, generation. */
export async function saveModel(path: string, model: WhisperForConditionalGeneration): Promise<void> {
  await mkdir(path, { recursive: true });
  const write = (name: string, content: object) => writeFile(join(path, name), `${JSON.stringify(content, null, 1)}\n`);
  await write('tokenizer.json', tokenizerJson);
  await write('generation_config.json', generationConfig);
  await write('preprocessor_config.json', { feature_extractor_type: 'WhisperFeatureExtractor', ...features });
  await save(model, path, { dtype: 'float16' });
}

export function loadModel(path: string): Promise<WhisperForConditionalGeneration> {
  return load(WhisperForConditionalGeneration, folder(path));
}
