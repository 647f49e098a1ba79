// Speech to text with the small Whisper of `pnpm recipe speech`: `pnpm example speech [FOLDER FILE]`, where FOLDER has a Whisper of any size and FILE
// is WAV or FLAC. Without them somebody says numbers.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wasm } from '@multihead/kernels-wasm';
import { dispose, Rng } from '@multihead/tensor';
import { fromTokenizerJson } from '@multihead/tokenizer';
import { decodeAudio, encodeWav } from '@multihead/transformer/audio';
import { load, readJson, readText } from '@multihead/transformer/load';
import { folder } from '@multihead/transformer/node';
import { readFeatureExtractorConfig, readSpeechGenerationConfig, transcribeSegments } from '@multihead/transformer/speech';
import { WhisperForConditionalGeneration } from '@multihead/transformer/whisper';
import { record } from './speech/data.js';
import { sampleRate } from './speech/voice.js';

const [, , path = join(import.meta.dirname, 'speech', 'checkpoint'), file] = process.argv;
const recording = record(9, new Rng(2), { isWhole: true });
const bytes = file === undefined ? encodeWav({ samples: recording.samples, sampleRate }) : await readFile(file);

// #region load
const checkpoint = folder(path); // or hub('openai/whisper-base')
const model = await load(WhisperForConditionalGeneration, checkpoint, { backend: await wasm() });
const tokenizer = fromTokenizerJson((await readText(checkpoint, 'tokenizer.json'))!);
const generation = readSpeechGenerationConfig(await readJson(checkpoint, 'generation_config.json'));
const features = readFeatureExtractorConfig(await readJson(checkpoint, 'preprocessor_config.json'));
// #endregion load

// #region transcribe
const sound = decodeAudio(bytes); // WAV or FLAC; or { samples, sampleRate } from anywhere
const options = { ...generation, features, return_timestamps: 'word', temperature: 0 } as const;
for await (const { start, end, text, words } of transcribeSegments(model, tokenizer, sound, options)) {
  console.log(`${start.toFixed(2)} to ${end.toFixed(2)} s:${text}`);
  for (const word of words!) console.log(`  ${word.start.toFixed(2)} ${word.text}`);
}
// #endregion transcribe
dispose(model);
