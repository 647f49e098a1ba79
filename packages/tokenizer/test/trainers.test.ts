import { fromTokenizerJson, TokenizerError } from '@multihead/tokenizer';
import {
  bpeTrainer,
  byteLevelAlphabet,
  countWords,
  type Trainer,
  type TrainingProgress,
  train,
  unigramTrainer,
  wordLevelTrainer,
  wordPieceTrainer,
} from '@multihead/tokenizer/trainers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const roses = new Map([['roses', 1], ['are', 2], ['red', 1], ['voilets', 1], ['blue', 1], ['BERT', 1], ['is', 2], ['big', 1], ['and', 1], ['so', 1], ['GPT-2', 1]]); // biome-ignore format: one row
const every: readonly [string, Trainer][] = [
  ['bpe', bpeTrainer({ vocabSize: 60, specialTokens: ['?'] })],
  ['bpe with prefix and suffix', bpeTrainer({ vocabSize: 60, continuingSubwordPrefix: '##', endOfWordSuffix: '</w>' })],
  ['wordPiece', wordPieceTrainer({ vocabSize: 60, specialTokens: ['[UNK]'] })],
  ['unigram', unigramTrainer({ vocabSize: 40, unkToken: '<unk>' })],
  ['wordLevel', wordLevelTrainer({ vocabSize: 10 })],
];

/** Words of few letters, so that pairs come again. */
const corpus = (count: number) => {
  const words: string[] = [];
  let state = 1;
  const next = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  for (let i = 0; i < count; i++) words.push(Array.from({ length: 2 + next(9) }, () => 'aeionrstl'[next(9)]).join(''));
  return words;
};

describe('bpe', () => {
  it('merges what is most frequent, and of equally frequent pairs that with the smaller ids', async () => {
    const { model } = await bpeTrainer({ minFrequency: 2 })(roses);
    expect(model.merges).toEqual([
      ['r', 'e'],
      ['a', 're'],
      ['i', 's'],
    ]);
    expect([...(model.vocab as Map<string, number>).keys()].join(' ')).toBe('- 2 B E G P R T a b d e g i l n o r s t u v re are is');
  });

  it('puts special tokens first, then the alphabet, and counts both', async () => {
    const { model, addedTokens } = await bpeTrainer({ vocabSize: 5, specialTokens: ['<s>', 'a'], initialAlphabet: ['zebra'] })(
      new Map([['ab', 9]]),
    );
    expect([...(model.vocab as Map<string, number>)]).toEqual([
      ['<s>', 0],
      ['a', 1],
      ['b', 2],
      ['z', 3],
      ['ab', 4],
    ]);
    expect(addedTokens.map(({ id, content, special }) => [id, content, special])).toEqual([
      [0, '<s>', true],
      [1, 'a', true],
    ]);
  });

  it('leaves rare characters out of words, and makes no token longer than asked', async () => {
    const limited = await bpeTrainer({ limitAlphabet: 2 })(new Map([['aab', 5], ['xay', 1]])); // biome-ignore format: one row
    expect([...(limited.model.vocab as Map<string, number>).keys()]).toEqual(['a', 'b', 'aa', 'aab']);
    const short = await bpeTrainer({ maxTokenLength: 5 })(new Map([['aaaaaaaa', 3], ['abababab', 2]])); // biome-ignore format: one row
    expect(Math.max(...[...(short.model.vocab as Map<string, number>).keys()].map(({ length }) => length))).toBe(4);
  });

  it('counts as one that recounts everything after each merge', async () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(word, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 12 }), async (pairs) => {
        const counts = new Map(pairs);
        const { model } = await bpeTrainer({ vocabSize: 12 })(counts);
        expect(model.merges.map(([left, right]) => left + right)).toEqual(recounting(counts, 12));
      }),
      { numRuns: 300 },
    );
  });
});

/** Merges by the definition. */
function recounting(counts: ReadonlyMap<string, number>, size: number): string[] {
  const words = [...counts].map(([word, count]) => ({ symbols: [...word], count }));
  const ids = new Map([...new Set(words.flatMap(({ symbols }) => symbols))].sort().map((token, id) => [token, id]));
  const made: string[] = [];
  while (ids.size < size) {
    const pairs = new Map<string, number>();
    for (const { symbols, count } of words) {
      for (let i = 1; i < symbols.length; i++) {
        const pair = `${symbols[i - 1]} ${symbols[i]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + count);
      }
    }
    const rank = (pair: string) => pair.split(' ').map((token) => ids.get(token)!) as [number, number];
    const order = ([a, m]: [string, number], [b, n]: [string, number]) => n - m || rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1];
    const best = [...pairs].sort(order)[0];
    if (best === undefined) break;
    const [left, right] = best[0].split(' ') as [string, string];
    made.push(left + right);
    if (!ids.has(left + right)) ids.set(left + right, ids.size);
    for (const word of words) word.symbols = merged(word.symbols, left, right);
  }
  return made;
}

function merged(symbols: readonly string[], left: string, right: string): string[] {
  const result: string[] = [];
  for (let i = 0; i < symbols.length; i++) {
    if (symbols[i] === left && symbols[i + 1] === right) result.push(left + symbols[++i]);
    else result.push(symbols[i]!);
  }
  return result;
}

describe('the others', () => {
  it('WordPiece has the vocabulary of the merges, with the prefix once', async () => {
    const { model } = await wordPieceTrainer({ vocabSize: 12 })(new Map([['banana', 4]]));
    expect([...(model.vocab as Map<string, number>).keys()].join(' ')).toBe('a b n ##a ##n ##an ban ##ana banana');
  });

  it('Unigram keeps every character, and the pieces that explain the words', async () => {
    const counts = new Map(corpus(400).map((word) => [word, 3]));
    counts.set('transformer', 200).set('transform', 150);
    const { model } = await unigramTrainer({ vocabSize: 40, unkToken: '<unk>', specialTokens: ['<s>'] })(counts);
    const pieces = model.vocab.map(([piece]) => piece);
    expect(pieces.slice(0, 2)).toEqual(['<unk>', '<s>']);
    expect(model.unk_id).toBe(0);
    expect(pieces).toHaveLength(40);
    for (const character of new Set([...counts.keys()].join(''))) expect(pieces).toContain(character);
    expect(pieces.some((piece) => 'transform'.includes(piece) && piece.length > 5)).toBe(true);
    const scores = model.vocab.slice(2).map(([, score]) => score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(scores.every((score) => score < 0)).toBe(true);
  });

  it('Unigram keeps the pieces that Python keeps', async () => {
    const counts = new Map(corpus(120).map((word, i) => [word, 1 + (i % 5)]));
    counts.set('transformer', 20).set('transform', 15);
    const { model } = await unigramTrainer({ vocabSize: 40, unkToken: '<unk>', specialTokens: ['<unk>'] })(counts);
    const pieces = model.vocab.map(([piece]) => piece).sort();
    // tokenizers 0.23.2, UnigramTrainer(vocab_size=40, unk_token='<unk>', special_tokens=['<unk>'])
    expect(pieces.join(' ')).toBe(
      '<unk> a aat aioi ait e en er ern est f i iiar inot iorrl l lla lnr lra m n nae nia nns o r rnni s si sla slsa sn srs t tnri tran transform trio ts tss',
    );
  });

  it('WordLevel takes the most frequent words, and words that are no ordinary keys', async () => {
    const counts = new Map([['__proto__', 3], ['constructor', 2], ['b', 1], ['a', 1]]); // biome-ignore format: one row
    const { model } = await wordLevelTrainer({ vocabSize: 3 })(counts);
    expect([...(model.vocab as Map<string, number>).keys()]).toEqual(['__proto__', 'constructor', 'a']);
  });
});

describe('every trainer', () => {
  it.each(every)('%s: the order of the words changes nothing', async (_name, trainer) => {
    const counts = [...new Map(corpus(200).map((word, i) => [word, (i % 7) + 1]))];
    const first = await trainer(new Map(counts));
    const second = await trainer(new Map(counts.toReversed()));
    expect(second).toEqual(first);
  });

  it.each(every)('%s: stops when it is told to, and reports how far it is', async (_name, trainer) => {
    const counts = new Map(corpus(200).map((word) => [word, 1]));
    await expect(trainer(counts, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    const seen: TrainingProgress[] = [];
    await trainer(counts, { onProgress: (progress) => seen.push(progress) });
    expect(seen.length).toBeGreaterThan(0);
    for (const { stage, done, total } of seen) expect([stage !== '', done >= 0, done <= total]).toEqual([true, true, true]);
  });

  it('is stopped in the middle', async () => {
    const controller = new AbortController();
    const counts = new Map(corpus(30_000).map((word, i) => [word + i, 1]));
    const training = bpeTrainer({ vocabSize: 1e6 })(counts, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 30);
    await expect(training).rejects.toThrow('enough');
  });

  it('refuses options that make no sense, by name', () => {
    expect(() => bpeTrainer({ vocabSize: 1.5 })).toThrow('bpeTrainer: vocabSize: expected an integer of at least 0, got 1.5');
    expect(() => wordLevelTrainer({ specialTokens: [''] })).toThrow(TokenizerError);
    expect(() => unigramTrainer({ initialAlphabet: [1] as never })).toThrow('initialAlphabet: expected strings, got 1');
    expect(() => unigramTrainer({ shrinkingFactor: 1 })).toThrow('shrinkingFactor: expected a number between 0 and 1, got 1');
  });

  it('refuses counts that are none', async () => {
    await expect(bpeTrainer()(new Map([['a', -1]]))).rejects.toThrow('got -1 for "a"');
    await expect(unigramTrainer()(new Map())).rejects.toThrow('expected at least one word');
    await expect(unigramTrainer({ vocabSize: 3 })(new Map([['abcd', 1]]))).rejects.toThrow('vocabSize: expected at least 4');
  });
});

describe('train', () => {
  const untrained = { normalizer: { type: 'Lowercase' as const }, pre_tokenizer: { type: 'ByteLevel' as const, add_prefix_space: false } };

  it('makes a file that encodes what it was trained on, and any other text', async () => {
    const trainer = bpeTrainer({ vocabSize: 300, initialAlphabet: byteLevelAlphabet(), specialTokens: ['<end>'] });
    const json = JSON.stringify(await train({ ...untrained, decoder: { type: 'ByteLevel' } }, ['Low lower lowest', 'slow'], trainer));
    const tokenizer = fromTokenizerJson(json);
    expect(tokenizer.encode('LOW slow').tokens).toEqual(['low', 'Ġ', 'slow']);
    expect(tokenizer.encode('lowslow').tokens).toEqual(['low', 'slow']);
    for (const text of ['日本 🙂', '__proto__ constructor', '']) expect(tokenizer.decode(tokenizer.encode(text).ids)).toBe(text);
    expect(tokenizer.tokenToId('<end>')).toBe(0);
  });

  it('reads texts from anything that is iterable, also one that waits', async () => {
    async function* texts() {
      for (const text of ['to be', 'or not to be']) yield await Promise.resolve(text);
    }
    const counts = await countWords({ pre_tokenizer: { type: 'WhitespaceSplit' } }, texts());
    expect([...counts]).toEqual([['to', 2], ['be', 2], ['or', 1], ['not', 1]]); // biome-ignore format: one row
    await expect(countWords({}, 'a text' as never)).rejects.toThrow('texts: expected an iterable of strings');
    await expect(countWords({}, [1] as never)).rejects.toThrow('texts[0]: expected a string, got 1');
  });

  it('writes out what other readers demand, and keeps the settings of the model', async () => {
    const json = await train(
      { ...untrained, decoder: { type: 'WordPiece' }, model: { unk_token: '?', fuse_unk: true } },
      ['a b'],
      bpeTrainer(),
    );
    expect(json.pre_tokenizer).toEqual({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true });
    expect(json.decoder).toEqual({ type: 'WordPiece', prefix: '##', cleanup: true });
    expect(json.model).toMatchObject({ type: 'BPE', unk_token: '?', fuse_unk: true });
    expect(Object.keys(json)).toEqual(['version', 'truncation', 'padding', 'added_tokens', 'normalizer', 'pre_tokenizer', 'post_processor', 'decoder', 'model']); // biome-ignore format: one row
  });

  it('refuses a model that is trained already, or another one', async () => {
    await expect(train({ model: { vocab: {} } }, ['a'], bpeTrainer())).rejects.toThrow('expected a model without vocab');
    await expect(train({ model: { type: 'WordLevel' } }, ['a'], bpeTrainer())).rejects.toThrow('expected BPE');
    await expect(train({ pre_tokenizer: { type: 'Nope' } as never }, ['a'], bpeTrainer())).rejects.toThrow(TokenizerError);
  });
});
