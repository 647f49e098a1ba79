import { faster } from '../bars.ts';
import type { Case, Contestant, Ready } from '../contest.ts';
import { byGptTokenizer, byHuggingFace, byPython, byTiktoken, ours } from '../peers/tokenizers.ts';
import type { Bench, Extra } from './bench.ts';
import { loadOurs } from './tokenizer/load.ts';
import { longTexts, shortTexts } from './tokenizer/texts.ts';

/** Text to ids, with the vocabulary of GPT-4o (o200k), which all contestants have. */
export const bench: Bench = {
  name: 'tokenizer',
  title: 'text to ids, vocabulary o200k',
  notes: [
    'Long is one text of 100,000 code units; short is 200 texts of one sentence or line each, one call a text. All contestants remember words that they have met.',
    '@huggingface/tokenizers and multihead read the same `tokenizer.json`; gpt-tokenizer and js-tiktoken bring the vocabulary with them.',
    'The CJK texts have emoji in them. They are put together from sentences by a seeded generator.',
  ],
  cases: () => [
    ...longTexts().map(({ name, text }) => caseOf(`${name}, long`, [text])),
    ...shortTexts().map(({ name, texts }) => caseOf(`${name}, short`, texts)),
  ],
  judge: () => [
    faster('multihead', ['@huggingface/tokenizers'], 3),
    faster('multihead', ['gpt-tokenizer'], 1),
    faster('multihead', ['js-tiktoken'], 1),
  ],
  extra: async (): Promise<Extra> => {
    const { milliseconds, megabytes, entries } = await loadOurs();
    return {
      title: 'loading',
      header: ['vocabulary', 'time', 'memory'],
      rows: [[`${entries} entries`, `${milliseconds.toFixed(0)} ms`, `${megabytes.toFixed(0)} MB`]],
      verdicts: [],
    };
  },
};

function caseOf(name: string, texts: readonly string[]): Case {
  const contestant = (who: string, prepare: (texts: readonly string[]) => Promise<Ready>): Contestant => ({
    name: who,
    prepare: () => prepare(texts),
  });
  return {
    name,
    contestants: [
      contestant('multihead', ours),
      contestant('@huggingface/tokenizers', byHuggingFace),
      contestant('gpt-tokenizer', byGptTokenizer),
      contestant('js-tiktoken', byTiktoken),
      contestant('Python tokenizers', byPython),
    ],
    // Ids are equal, or something else was computed.
    tolerance: 0,
  };
}
