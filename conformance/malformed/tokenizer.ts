import { readFile } from 'node:fs/promises';
import { fromTokenizerJson, type TokenizerJson } from '@multihead/tokenizer';
import { type Task, UnknownExpectation } from './document.js';
import type { Kind } from './kinds.js';

/** `tokenizer.json`, as text and as the parsed value. What is accepted encodes the texts of the case and decodes what comes of them. */
export const tokenizer: Kind = {
  ways: {
    fromTokenizerJson: async (task) => problemsOf(await readFile(task.file, 'utf8'), task),
    'fromTokenizerJson of the parsed file': async (task) => problemsOf(parsed(await readFile(task.file, 'utf8')), task),
  },
};

/** The value of a file; the file itself, if it is no JSON. */
function parsed(json: string): string | TokenizerJson {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

async function problemsOf(json: string | TokenizerJson, { expect }: Task): Promise<string[]> {
  const { encode = [], encode_any = [], ...rest } = expect as { encode?: [text: string, ids: number[]][]; encode_any?: string[] };
  for (const name of Object.keys(rest)) throw new UnknownExpectation(name);
  const read = fromTokenizerJson(json);
  const problems: string[] = [];
  for (const [text, ids] of encode) {
    const got = read.encode(text, { addSpecialTokens: false });
    if (JSON.stringify(got.ids) !== JSON.stringify(ids)) problems.push(`encodes ${text.slice(0, 40)} as ${got.ids}, want ${ids}`);
  }
  for (const text of [...encode_any, ...encode.map(([text]) => text), 'Some text.']) {
    const { ids, offsets, tokens } = read.encode(text);
    if (ids.some((id) => !Number.isInteger(id) || id < 0)) problems.push(`gives ids that are none for ${text.slice(0, 40)}`);
    if (offsets.length !== ids.length || tokens.length !== ids.length) problems.push('gives arrays of other lengths');
    read.decode(ids);
  }
  return problems;
}
