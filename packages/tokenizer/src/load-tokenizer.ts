import type { PipelineTokenizer } from './pipeline-tokenizer.js';
import { assemble, type LoadOptions } from './read/assemble.js';
import { allDecoders } from './read/decoders.js';
import { allModels, modelType } from './read/models.js';
import { allNormalizers } from './read/normalizers.js';
import { allPostProcessors } from './read/post-processors.js';
import { allPreTokenizers } from './read/pre-tokenizers.js';
import type { TokenizerJson } from './tokenizer-json.js';

/**
 * The tokenizer that a `tokenizer.json` describes, from its text or from its parsed value. It gives the ids, tokens, offsets and texts that
 * Hugging Face's tokenizers 0.23 give.
 *
 * Throws `TokenizerError` for a file that is malformed, or of a kind that is not known; it names the field.
 *
 * ```ts
 * import { fromTokenizerJson } from '@multihead/tokenizer';
 *
 * const tokenizer = fromTokenizerJson({
 *   model: { type: 'BPE', vocab: { l: 0, o: 1, w: 2, lo: 3, low: 4 }, merges: ['l o', 'lo w'] },
 * });
 * tokenizer.encode('lowlo').ids; // [4, 3]
 * tokenizer.encode('lowlo').tokens; // ['low', 'lo']
 * ```
 */
export function fromTokenizerJson(json: string | TokenizerJson, options: LoadOptions = {}): PipelineTokenizer {
  return assemble('fromTokenizerJson', json, options, {
    models: allModels,
    modelType,
    normalizers: allNormalizers,
    preTokenizers: allPreTokenizers,
    postProcessors: allPostProcessors,
    decoders: allDecoders,
  });
}
