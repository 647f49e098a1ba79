import { join } from 'node:path';
import { SentencePieceTokenizer } from '@multihead/tokenizer/sentencepiece';
import { Folder } from '../folder.js';
import type { Family, Finding } from '../suite.js';
import { equal } from './compare.js';
import type { Texts } from './texts.js';

interface SentencePieceDocument {
  readonly model: string;
  readonly vocab_size: number;
  /** Ids by role, −1 for those that the model does not have. */
  readonly special: Readonly<Record<'pad' | 'bos' | 'eos' | 'unk', number>>;
  readonly cases: readonly SentencePieceCase[];
}

interface SentencePieceCase {
  /** The name of a text. */
  readonly name: string;
  readonly ids: readonly number[];
  /** null where there would be very many. */
  readonly pieces: readonly string[] | null;
  readonly decoded: string;
}

/** What SentencePiece makes of the texts with small models of each type. */
export function sentencepiece(folder: Folder, texts: Texts): Family[] {
  const inner = new Folder(join(folder.path, 'sentencepiece'));
  const files = inner.names().filter((name) => name.endsWith('.json'));
  return files.map((file) => {
    const document = inner.json(file) as SentencePieceDocument;
    let tokenizer: SentencePieceTokenizer | undefined;
    const open = () => (tokenizer ??= new SentencePieceTokenizer(inner.bytes(document.model)));
    const name = `sentencepiece-${file.replace('.json', '')}`;
    const cases = document.cases.map((golden) => ({ name: `${name}/${golden.name}`, run: async () => checked(golden, texts, open()) }));
    const ids = { name: `${name}/special`, run: async () => special(document, open()) };
    return { name, cases: [ids, ...cases] };
  });
}

function checked({ name, ids, pieces, decoded }: SentencePieceCase, texts: Texts, tokenizer: SentencePieceTokenizer): Finding[] {
  const text = texts.get(name);
  const encoding = tokenizer.encode(text);
  const inside = encoding.offsets.every(([start, end]) => 0 <= start && start <= end && end <= text.length);
  const findings = [
    equal('ids', encoding.ids, ids),
    equal('decode', tokenizer.decode(ids), decoded),
    equal('offsets inside the text', inside, true),
  ];
  return pieces === null ? findings : [...findings, equal('pieces', encoding.tokens, pieces)];
}

function special({ vocab_size, special: want }: SentencePieceDocument, tokenizer: SentencePieceTokenizer): Finding[] {
  const { specialTokens } = tokenizer;
  const got = Object.fromEntries(
    Object.keys(want).map((role) => {
      const token = specialTokens[role as keyof typeof want];
      return [role, token === undefined ? -1 : tokenizer.tokenToId(token)];
    }),
  );
  return [equal('vocabSize', tokenizer.vocabSize, vocab_size), equal('special tokens', got, want)];
}
