/*
 * Byte pair encoding alone, for those who count tokens: `@multihead/tokenizer/bpe` is under half the size of the whole package.
 */
import type { DecodeStream } from './decode-stream.js';
import { show, TokenizerError } from './errors.js';
import type { Pipeline, PipelineDecodeOptions } from './pipeline.js';
import { type PostProcessor, wholeText } from './post-processors/post-processor.js';
import { assemble, type LoadOptions } from './read/assemble.js';
import { bpeModel } from './read/bpe-model.js';
import { basicDecoders } from './read/decoders.js';
import { basicNormalizers } from './read/normalizers.js';
import type { ReadExpression } from './read/patterns.js';
import { allPostProcessors } from './read/post-processors.js';
import { basicPreTokenizers } from './read/pre-tokenizers.js';
import { wellFormed } from './split.js';
import { TextToIds } from './text-to-ids.js';
import type { TokenizerJson } from './tokenizer-json.js';

/**
 * A tokenizer of byte pair encoding that deals in ids alone: no offsets, pairs, truncation or padding.
 *
 * It reads what `tokenizer.json` files of BPE mostly have: ByteLevel, Metaspace, Split, Digits, the Unicode forms, and the regular
 * expressions of GPT-2, GPT-4 (Llama 3, Qwen) and GPT-4o. Ids are those of `fromTokenizerJson`. Throws `TokenizerError` for a file that has
 * something else, and names it.
 *
 * ```ts
 * import { BpeTokenizer } from '@multihead/tokenizer/bpe';
 *
 * const tokenizer = new BpeTokenizer({
 *   model: { type: 'BPE', vocab: { l: 0, o: 1, w: 2, lo: 3, low: 4 }, merges: ['l o', 'lo w'] },
 * });
 * tokenizer.encode('lowlo'); // [4, 3]
 * tokenizer.countTokens('lowlo'); // 2
 * tokenizer.decode([4]); // 'low'
 * ```
 */
export class BpeTokenizer {
  readonly #ids: TextToIds;
  readonly #postProcessor: PostProcessor | undefined;

  /** A `tokenizer.json`, as text or as its parsed value. */
  constructor(json: string | TokenizerJson, options: LoadOptions = {}) {
    const pipeline: Pipeline = assemble('new BpeTokenizer', json, options, {
      models: bpeModel,
      modelType: (fields) => (fields.get('type') === undefined ? 'BPE' : fields.string('type')),
      normalizers: basicNormalizers(knownOnly),
      preTokenizers: basicPreTokenizers(knownOnly),
      postProcessors: allPostProcessors,
      decoders: basicDecoders(knownOnly),
      limits: () => ({ truncation: undefined, padding: undefined }),
    });
    if (pipeline.tracked) {
      const expected =
        'no Metaspace that is put before the first piece alone after other steps (fromTokenizerJson of @multihead/tokenizer reads it)';
      throw new TokenizerError('new BpeTokenizer', `pre_tokenizer: expected ${expected}`);
    }
    this.#ids = new TextToIds(pipeline);
    this.#postProcessor = pipeline.postProcessor;
  }

  /** How many ids there are, those of added tokens included. */
  get vocabSize(): number {
    return this.#ids.vocabSize;
  }

  /** The id of a token; undefined if there is none. */
  tokenToId(token: string): number | undefined {
    return this.#ids.tokenToId(token);
  }

  /** The token with this id; undefined if there is none. */
  idToToken(id: number): string | undefined {
    return this.#ids.idToToken(id);
  }

  /** The ids of a text, with the special tokens of the file's template unless told otherwise. */
  encode(text: string, { addSpecialTokens = true }: { addSpecialTokens?: boolean } = {}): number[] {
    if (typeof text !== 'string') throw new TokenizerError('BpeTokenizer.encode', `text: expected a string, got ${show(text)}`);
    const ids: number[] = [];
    this.#ids.add(wellFormed(text), ids);
    if (!addSpecialTokens || this.#postProcessor === undefined) return ids;
    const parts = this.#postProcessor.process([{ segments: [wholeText(ids, 0)], overflowing: [] }], true);
    return parts.flatMap(({ segments }) => segments.flatMap((segment) => (segment.kind === 'text' ? ids : segment.ids)));
  }

  /** How many ids `encode` gives. */
  countTokens(text: string, options: { addSpecialTokens?: boolean } = {}): number {
    return this.encode(text, options).length;
  }

  /** The text of these ids. Ids that no token has are left out. Throws `TokenizerError` for what is no id. */
  decode(ids: Iterable<number>, options: PipelineDecodeOptions = {}): string {
    return this.#ids.decode('BpeTokenizer.decode', ids, options);
  }

  /** Decodes ids as they come: what `push` returns never ends in half a character. */
  decodeStream(options: PipelineDecodeOptions = {}): DecodeStream {
    return this.#ids.decodeStream('BpeTokenizer.decodeStream', options);
  }
}

const knownOnly: ReadExpression = (operation, source) => {
  const expected = 'one of the known regular expressions (fromTokenizerJson of @multihead/tokenizer reads others)';
  throw new TokenizerError(operation, `pattern: expected ${expected}, got ${show(source)}`);
};

export type { DecodeStream } from './decode-stream.js';
export { TokenizerError } from './errors.js';
export type { PipelineDecodeOptions } from './pipeline.js';
export type { LoadOptions } from './read/assemble.js';
export type * from './tokenizer-json.js';
