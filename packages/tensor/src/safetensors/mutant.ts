/** For tests only: safetensors files that are valid, and the same with one thing wrong or several, drawn from a seed. */
import { bitsOf, type SafetensorsDtype, safetensorsDtypes } from './dtype.js';
import { handMadeFile } from './hand-made-file.js';

/** A tensor entry of a header before it is text; numbers are text already, so that they can be wrong. */
interface Entry {
  name: string;
  dtype: string;
  shape: string[];
  offsets: string[];
}

/** A header before it is text. */
interface Draft {
  entries: Entry[];
  metadata: [key: string, text: string][] | undefined;
  dataBytes: number;
}

/** What becomes of a valid file after one mutation. */
export type Fate = 'accepted' | 'refused' | 'either';

/** A mutation: of the header before it is text, of its text, or of the bytes of the file. */
interface Mutation {
  readonly fate: Fate;
  draft?(draft: Draft, random: Random): void;
  text?(json: string, random: Random): string;
  bytes?(file: Uint8Array, random: Random): Uint8Array;
}

export type Random = () => number;

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)];
const below = (random: Random, count: number): number => Math.floor(random() * count);

const strangeNames = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '', '.', 'a..b', '\u0000', 'é', '𠮷', '"\\', '\u2028', 'dtype', '__metadata_']; // biome-ignore format: one row
const strangeNumbers = ['-1', '-0', '2.0', '2e0', '0.5', '1e400', '00', '01', '0x2', '+2', 'NaN', 'null', 'true', '"2"', '[2]', '{}', '9007199254740992', '18446744073709551616', '9'.repeat(400)]; // biome-ignore format: one row
const strangeDtypes = ['F33', 'f32', '', '__proto__', 'toString', 'F32 ', 'BF17', 'I128', 'C128'];
const strangeTokens = ['null', 'true', '1', '""', '"F32"', '[]', '[0,0]', '{}', '{', '}', '[', ']', ',', ':', '"', '\\', '\\ud800', '\u0000', '\ufeff', '//', "'"]; // biome-ignore format: one row

/** A valid header: up to five tensors of any dtype and shape, scalars and empty ones among them, in any order. */
function validDraft(random: Random): Draft {
  const entries: Entry[] = [];
  let at = 0;
  for (let i = below(random, 6); i > 0; i--) {
    const dtype = pick(random, safetensorsDtypes());
    const shape = Array.from({ length: below(random, 4) }, () => below(random, 4));
    const elements = shape.reduce((product, size) => product * size, 1);
    if ((elements * bitsOf(dtype)) % 8 !== 0) shape.push(8 / (bitsOf(dtype) % 8 === 6 ? 2 : 4)); // up to whole bytes
    const bytes = (shape.reduce((product, size) => product * size, 1) * bitsOf(dtype)) / 8;
    const name = random() < 0.2 ? pick(random, strangeNames) : `layers.${i}.weight`;
    if (entries.some((entry) => entry.name === name)) continue;
    entries.push({ name, dtype, shape: shape.map(String), offsets: [String(at), String(at + bytes)] });
    at += bytes;
  }
  entries.sort(() => random() - 0.5);
  const metadata: Draft['metadata'] = random() < 0.3 ? [['format', 'pt'], ['__proto__', 'x']] : undefined; // biome-ignore format: one row
  return { entries, metadata, dataBytes: at };
}

function textOf({ entries, metadata }: Draft): string {
  const members = entries.map(
    ({ name, dtype, shape, offsets }) =>
      `${JSON.stringify(name)}:{"dtype":${JSON.stringify(dtype)},"shape":[${shape}],"data_offsets":[${offsets}]}`,
  );
  if (metadata) members.push(`"__metadata__":{${metadata.map((pair) => pair.map((text) => JSON.stringify(text)).join(':'))}}`);
  return `{${members}}`;
}

/** Changes one entry that has `bytes` or more; a draft without such a one gets an unknown dtype instead, which is refused, too. */
function someEntry(draft: Draft, random: Random, bytes: number, change: (entry: Entry) => void): void {
  const fit = draft.entries.filter(({ offsets: [begin, end] }) => Number(end) - Number(begin) >= bytes);
  if (fit.length > 0) change(pick(random, fit));
  else draft.entries.push({ name: 'other', dtype: 'F33', shape: ['0'], offsets: ['0', '0'] });
}

function replaceAt<T>(items: T[], random: Random, value: T): void {
  if (items.length === 0) items.push(value);
  else items[below(random, items.length)] = value;
}

const tokensOf = (json: string): string[] => json.match(/"(?:[^"\\]|\\.)*"|[\w.+-]+|[^\s]/gu) ?? [];

export const mutations: Readonly<Record<string, Mutation>> = {
  'a strange name': {
    fate: 'accepted',
    draft: ({ entries }, random) => {
      const name = pick(random, strangeNames);
      if (entries.length > 0 && entries.every((entry) => entry.name !== name)) pick(random, entries).name = name;
    },
  },
  'white space': { fate: 'accepted', text: (json, random) => tokensOf(json).join(pick(random, [' ', '\n', '\t', '\r\n', ''])) },
  'padding behind': { fate: 'accepted', text: (json, random) => json + ' '.repeat(below(random, 20)) },
  'escaped letters': { fate: 'accepted', text: (json) => json.replace(/t/g, '\\u0074') },
  'members in another order': { fate: 'accepted', draft: ({ entries }, random) => void entries.sort(() => random() - 0.5) },
  'an empty tensor more': {
    fate: 'accepted',
    draft: ({ entries, dataBytes }, random) => {
      const at = String(pick(random, [0, dataBytes]));
      entries.push({ name: 'one more', dtype: 'F32', shape: ['0', '9007199254740991'], offsets: [at, at] });
    },
  },
  'a dtype of the same width': {
    fate: 'accepted',
    draft: ({ entries }, random) => {
      if (entries.length === 0) return;
      const entry = pick(random, entries);
      entry.dtype = pick(random, safetensorsDtypes().filter((dtype) => bitsOf(dtype) === bitsOf(entry.dtype as SafetensorsDtype))); // biome-ignore format: one row
    },
  },
  'a dtype of another width': {
    fate: 'refused',
    draft: (draft, random) =>
      someEntry(draft, random, 1, (entry) => {
        entry.dtype = pick(random, safetensorsDtypes().filter((dtype) => bitsOf(dtype) !== bitsOf(entry.dtype as SafetensorsDtype))); // biome-ignore format: one row
      }),
  },
  'a dtype that is none': { fate: 'refused', draft: (draft, random) => someEntry(draft, random, 0, (entry) => void Object.assign(entry, { dtype: pick(random, strangeDtypes) })) }, // biome-ignore format: one row
  'a dimension more': { fate: 'refused', draft: (draft, random) => someEntry(draft, random, 1, ({ shape }) => void shape.push(pick(random, ['0', '2', '3', '4294967296', '2305843009213693952']))) }, // biome-ignore format: one row
  'a number that is none': {
    fate: 'refused',
    draft: (draft, random) => someEntry(draft, random, 0, (entry) => replaceAt(pick(random, [entry.shape, entry.offsets]), random, pick(random, strangeNumbers))), // biome-ignore format: one row
  },
  'a product that wraps': { fate: 'refused', draft: (draft, random) => someEntry(draft, random, 1, ({ shape }) => void shape.push(...pick(random, [['4294967296', '4294967296'], ['8589934592', '2147483648'], ['9007199254740991', '9007199254740991', '0']]))) }, // biome-ignore format: one row
  'an offset that is moved': {
    fate: 'refused',
    draft: (draft, random) =>
      someEntry(draft, random, 0, ({ offsets }) => {
        const which = below(random, 2);
        offsets[which] = String(Number(offsets[which]) + pick(random, [1, 8, 1e6, 2 ** 52, ...(offsets[which] === '0' ? [] : [-1])]));
      }),
  },
  'both offsets moved': { fate: 'refused', draft: (draft, random) => someEntry(draft, random, 1, ({ offsets }) => void offsets.push(...offsets.splice(0).map((offset) => String(Number(offset) + 1)))) }, // biome-ignore format: one row
  'offsets turned round': {
    fate: 'refused',
    draft: (draft, random) => someEntry(draft, random, 1, ({ offsets }) => void offsets.reverse()),
  },
  'an offset too many or too few': { fate: 'refused', draft: (draft, random) => someEntry(draft, random, 0, ({ offsets }) => void (random() < 0.5 ? offsets.pop() : offsets.push('0'))) }, // biome-ignore format: one row
  'a tensor without its bytes': { fate: 'refused', draft: (draft, random) => someEntry(draft, random, 1, (entry) => void draft.entries.splice(draft.entries.indexOf(entry), 1)) }, // biome-ignore format: one row
  'the same bytes twice': { fate: 'refused', draft: (draft, random) => someEntry(draft, random, 1, (entry) => void draft.entries.push({ ...entry, name: 'twin' })) }, // biome-ignore format: one row
  'a name twice': { fate: 'refused', draft: (draft, random) => someEntry(draft, random, 0, (entry) => void draft.entries.push({ ...entry, shape: [...entry.shape], offsets: [...entry.offsets] })) }, // biome-ignore format: one row
  'a name twice, once escaped': { fate: 'refused', draft: (draft) => void draft.entries.push(...['w', 'w'].map((name) => ({ name, dtype: 'U8', shape: ['0'], offsets: ['0', '0'] }))), text: (json) => json.replace('"w"', '"\\u0077"') }, // biome-ignore format: one row
  'a lone surrogate': { fate: 'refused', draft: (draft, random) => someEntry(draft, random, 0, (entry) => void Object.assign(entry, { name: pick(random, ['\ud800', 'a\udc00b']) })) }, // biome-ignore format: one row
  'metadata that is no text': { fate: 'refused', text: (json, random) => json.replace(/(,"__metadata__":.*)?\}$/s, `${json === '{}' ? '' : ','}"__metadata__":${pick(random, ['null', '[]', '1', '"x"', '{"a":1}', '{"a":null}', '{"a":"b","a":"c"}', '{"a":{}}'])}}`) }, // biome-ignore format: one row
  'a field more': { fate: 'refused', draft: (draft, random) => someEntry(draft, random, 0, () => {}), text: (json, random) => json.replace('"dtype":', `${pick(random, ['"extra":1', '"__proto__":{}', '"dtype":"F32"', '"shape":[]'])},"dtype":`) }, // biome-ignore format: one row
  'a token replaced, taken or added': {
    fate: 'either',
    text: (json, random) => {
      const tokens = tokensOf(json);
      const at = below(random, tokens.length);
      tokens.splice(at, below(random, 3), ...(random() < 0.7 ? [pick(random, strangeTokens)] : []));
      return tokens.join('');
    },
  },
  'a piece doubled or moved': {
    fate: 'either',
    text: (json, random) => {
      const tokens = tokensOf(json);
      const piece = tokens.slice(below(random, tokens.length)).slice(0, 1 + below(random, 12));
      tokens.splice(below(random, tokens.length), 0, ...piece);
      return tokens.join('');
    },
  },
  'text behind': { fate: 'refused', text: (json, random) => json + pick(random, ['{}', '\u0000', ',', '}', 'x', '\ufeff']) },
  'text before': { fate: 'refused', text: (json, random) => pick(random, [' ', '\n', '\ufeff', '[', '\u0000']) + json },
  'nested deep': { fate: 'refused', text: (json, random) => json.replace(/\}$/, `${json === '{}' ? '' : ','}"deep":${pick(random, ['{"a":', '['].map((open) => open.repeat(500)))}`) }, // biome-ignore format: one row
  'the length of the header': {
    fate: 'refused',
    bytes: (file, random) => {
      const view = new DataView(file.buffer, file.byteOffset);
      const length = view.getBigUint64(0, true);
      const wrong = [0n, 1n, length - 1n, BigInt(file.length - 7), 100_000_001n, 2n ** 31n + length, 2n ** 32n + length, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]; // biome-ignore format: one row
      view.setBigUint64(0, pick(random, wrong.filter((value) => value !== length)), true); // biome-ignore format: one row
      return file;
    },
  },
  'the end cut off': { fate: 'refused', bytes: (file, random) => file.slice(0, below(random, file.length)) },
  'bytes behind': { fate: 'refused', bytes: (file, random) => Uint8Array.from([...file, ...Array(1 + below(random, 8)).keys()]) },
  'a byte that is no UTF-8': {
    fate: 'refused',
    bytes: (file, random) => {
      const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
      file[8 + below(random, Math.min(length, file.length - 8))] = pick(random, [0xc0, 0xf5, 0xff]);
      return file;
    },
  },
  'a bit flipped': {
    fate: 'either',
    bytes: (file, random) => {
      file[below(random, file.length)] ^= 1 << below(random, 8);
      return file;
    },
  },
  'bytes of another kind': { fate: 'either', bytes: (file, random) => file.map((byte, i) => (i > 7 && random() < 0.3 ? below(random, 256) : byte)) }, // biome-ignore format: one row
};

const mutationNames = Object.keys(mutations);

/** A file, and what was done to it. */
export interface Mutant {
  readonly file: Uint8Array;
  readonly names: readonly string[];
}

/** A valid file after `count` mutations of any kind. */
export function mutant(random: Random, count: number): Mutant {
  const names = Array.from({ length: count }, () => pick(random, mutationNames));
  const draft = validDraft(random);
  for (const name of names) mutations[name].draft?.(draft, random);
  let json = textOf(draft);
  for (const name of names) json = mutations[name].text?.(json, random) ?? json;
  let file = handMadeFile(json, draft.dataBytes);
  for (const name of names) if (file.length > 8) file = mutations[name].bytes?.(file, random) ?? file;
  return { file, names };
}
