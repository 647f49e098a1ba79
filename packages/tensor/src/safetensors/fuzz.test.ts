import { expect, test } from 'vitest';
import { SafetensorsError } from './error.js';
import { handMadeFile, seededRandom } from './hand-made-file.js';
import { parseSafetensors, type SafetensorsFile } from './read.js';
import { serializeSafetensors } from './write.js';

const rounds = 20_000;
const seed = 0x5afe;

// What a structure-aware mutation puts in place of a piece of the JSON.
const interesting = [
  ...['0', '1', '-1', '2', '4', '8', '16', '24', '2.0', '1e3', '4294967296', '9007199254740993', '18446744073709551615'],
  ...['null', 'true', '""', '"w"', '"__proto__"', '"constructor"', '"__metadata__"', '"F32"', '"F33"', '"BOOL"', '"F4"', '"U8"', '"I64"'],
  ...[
    '"dtype"',
    '"shape"',
    '"data_offsets"',
    '[]',
    '[0,0]',
    '[0,8]',
    '[8,16]',
    '[4,4]',
    '{}',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '\\u0000',
    '\\ud800',
    ' ',
  ],
];

const headers = [
  '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"I16","shape":[2,2],"data_offsets":[8,16]},"__metadata__":{"k":"v"}}',
  '{"w":{"dtype":"BF16","shape":[2,1,2],"data_offsets":[0,8]},"e":{"dtype":"U8","shape":[0],"data_offsets":[8,8]},"s":{"dtype":"F64","shape":[],"data_offsets":[8,16]}}',
  '{"__metadata__":{"format":"pt","__proto__":"x"},"__proto__":{"dtype":"U8","shape":[16],"data_offsets":[0,16]}}',
  '{"q":{"dtype":"F4","shape":[16],"data_offsets":[0,8]},"r":{"dtype":"I64","shape":[1],"data_offsets":[8,16]}}',
];

/** Swaps, drops, doubles or replaces tokens of a header, or flips bits of it, and now and then lies about the lengths. */
function mutant(random: () => number): Uint8Array {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
  const tokens: string[] = pick(headers).match(/"(?:[^"\\]|\\.)*"|\d+|[^\s]/g) ?? [];
  for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
    const at = Math.floor(random() * tokens.length);
    const span = 1 + Math.floor(random() ** 3 * 12);
    const action = random();
    if (action < 0.45) tokens[at] = pick(interesting);
    else if (action < 0.6) tokens.splice(at, span);
    else if (action < 0.75) tokens.splice(at, 0, ...tokens.slice(at, at + span));
    else if (action < 0.9) tokens.splice(at, 0, pick(interesting));
    else tokens.push(...tokens.splice(at, span));
  }
  const bytes = new TextEncoder().encode(tokens.join(random() < 0.2 ? ' ' : ''));
  if (random() < 0.15 && bytes.length > 0) bytes[Math.floor(random() * bytes.length)] ^= 1 << Math.floor(random() * 8);
  const length = random() < 0.05 ? BigInt(Math.floor(random() * 2 ** 53)) << BigInt(Math.floor(random() * 12)) : undefined;
  return handMadeFile(bytes, random() < 0.9 ? 16 : Math.floor(random() * 32), length);
}

/** Parses `bytes`, and if they pass, reads every tensor; any error but a `SafetensorsError` fails the test. */
function parseOrRefuse(bytes: Uint8Array): SafetensorsFile | undefined {
  try {
    const file = parseSafetensors(bytes);
    for (const name of file.names()) {
      const info = file.entries.get(name)!;
      expect(file.bytes(name).length).toBe(info.end - info.begin);
      try {
        expect(file.get(name).data.byteLength).toBe(info.end - info.begin);
      } catch (error) {
        if (!(error instanceof SafetensorsError) || error.got !== info.dtype) throw error; // a dtype that no typed array holds
      }
    }
    return file;
  } catch (error) {
    if (error instanceof SafetensorsError) return undefined;
    throw error;
  }
}

test(`${rounds} mutated headers (seed ${seed}): parsed or refused with a SafetensorsError, nothing else`, () => {
  const random = seededRandom(seed);
  const prototype = Reflect.ownKeys(Object.prototype);
  let accepted = 0;
  for (let round = 0; round < rounds; round++) if (parseOrRefuse(mutant(random)) !== undefined) accepted++;
  expect(Reflect.ownKeys(Object.prototype)).toEqual(prototype);
  expect(accepted).toBeGreaterThan(rounds / 200); // the mutants reach what lies behind the checks
  expect(accepted).toBeLessThan(rounds / 2);
});

test('what passes is written and read again as the same tensors', () => {
  const random = seededRandom(seed + 1);
  for (let round = 0; round < rounds / 4; round++) {
    const file = parseOrRefuse(mutant(random));
    if (file === undefined || file.names().some((name) => file.entries.get(name)!.dtype === 'F4')) continue;
    const { metadata } = file;
    const again = parseSafetensors(
      serializeSafetensors(
        file.names().map((name) => [name, file.get(name)]),
        { metadata },
      ),
    );
    expect([...again.metadata].sort()).toEqual([...metadata].sort());
    expect(again.names().sort()).toEqual(file.names().sort());
    for (const name of file.names()) if (file.get(name).dtype !== 'BOOL') expect(again.get(name)).toEqual(file.get(name));
  }
});

test(`cut files are refused, and ${rounds} files of random bytes do no harm`, () => {
  const random = seededRandom(seed + 2);
  const whole = handMadeFile(headers[0], 16);
  for (let cut = 0; cut < whole.length; cut++) expect(parseOrRefuse(whole.slice(0, cut))).toBeUndefined();
  for (let round = 0; round < rounds; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 64) }, () => Math.floor(random() * 256));
    if (bytes.length > 8 && round % 2) bytes.set([bytes.length - 8, 0, 0, 0, 0, 0, 0, 0, 0x7b]);
    expect(parseOrRefuse(bytes)?.names() ?? []).toEqual([]); // by chance one is an empty file
  }
});
