import { characterOfByte } from '../byte-characters.js';

/**
 * The 256 characters that stand for bytes in byte-level models, in the order of the bytes: `initialAlphabet` for `bpeTrainer`, so that no
 * text is ever unknown.
 *
 * ```ts
 * import { byteLevelAlphabet } from '@multihead/tokenizer/trainers';
 *
 * byteLevelAlphabet().slice(0x20, 0x24).join(''); // 'Ġ!"#'
 * ```
 *
 * Radford et al., 2019 (GPT-2): bytes that print keep their own character, the others follow from U+0100.
 */
export function byteLevelAlphabet(): string[] {
  return [...characterOfByte];
}
