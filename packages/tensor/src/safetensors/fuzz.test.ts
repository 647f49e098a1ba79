import { afterAll, beforeAll, expect, test } from 'vitest';
import { bitsOf, type SafetensorsDtype } from './dtype.js';
import { SafetensorsError } from './error.js';
import { seededRandom } from './hand-made-file.js';
import { mutant, mutations } from './mutant.js';
import { openSafetensors, parseSafetensors, type SafetensorsFile } from './read.js';
import { parseSafetensorsIndex } from './shard-index.js';
import { openShardedSafetensors } from './sharded.js';
import { serializeSafetensors } from './write.js';

// Every input is drawn from this seed, so that a run can be repeated. `expect` is slow and stands outside of the long loops.
const seed = 0x5afe;

const { stackTraceLimit } = Error;
beforeAll(() => {
  Error.stackTraceLimit = 0; // half of the time of an error
});
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit;
});

/** Parses `bytes`, and if they pass, looks at every tensor; any error but a `SafetensorsError` is thrown. */
function parseOrRefuse(bytes: Uint8Array): SafetensorsFile | undefined {
  let file: SafetensorsFile;
  try {
    file = parseSafetensors(bytes);
  } catch (error) {
    if (error instanceof SafetensorsError) return undefined;
    throw error;
  }
  checkAccepted(bytes, file);
  return file;
}

/** Whether what was accepted is what the format says, found out in another way: by JSON.parse and by counting who has each byte. */
function checkAccepted(bytes: Uint8Array, file: SafetensorsFile): void {
  const demand = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`${what}: ${new TextDecoder().decode(bytes.subarray(8, file.dataStart))}`);
  };
  const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  demand(file.dataStart === 8 + headerBytes, 'the data begins behind the header');
  const header: Record<string, { dtype: SafetensorsDtype; shape: number[]; data_offsets: number[] }> = JSON.parse(
    new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, file.dataStart)),
  );
  const names = Object.keys(header).filter((name) => name !== '__metadata__');
  demand(names.length === file.entries.size, 'as many tensors as names');
  const holders = new Uint8Array(bytes.length - file.dataStart);
  for (const name of names) {
    const info = file.entries.get(name);
    const { dtype, shape, data_offsets: offsets } = header[name];
    demand(info !== undefined && info.dtype === dtype, 'the dtype');
    demand(String(info!.shape) === String(shape) && shape.every(Number.isInteger), 'the shape');
    demand(String([info!.begin, info!.end]) === String(offsets), 'the offsets');
    const size = shape.reduce((product, dimension) => product * dimension, 1) * bitsOf(dtype);
    demand(size === 8 * (info!.end - info!.begin), 'the size');
    for (let i = info!.begin; i < info!.end; i++) holders[i]++;
    demand(file.bytes(name).length === info!.end - info!.begin, 'its bytes');
    try {
      demand(file.get(name).data.byteLength === info!.end - info!.begin, 'its values');
    } catch (error) {
      if (!(error instanceof SafetensorsError) || error.got !== dtype) throw error; // a dtype that no typed array holds
    }
  }
  demand(
    holders.every((count) => count === 1),
    'each byte belongs to one tensor',
  );
}

test('100,000 files with one thing changed: accepted or refused as that change demands', () => {
  const random = seededRandom(seed);
  const prototype = Reflect.ownKeys(Object.prototype);
  const seen = new Map<string, { accepted: number; refused: number }>(Object.keys(mutations).map((name) => [name, { accepted: 0, refused: 0 }])); // biome-ignore format: one row
  for (let round = 0; round < 100_000; round++) {
    const { file, names } = mutant(random, 1);
    seen.get(names[0])![parseOrRefuse(file) ? 'accepted' : 'refused']++;
  }
  expect(Reflect.ownKeys(Object.prototype)).toEqual(prototype);
  const wrong = [...seen].map(([name, count]) => [
    name,
    { accepted: count.refused, refused: count.accepted, either: 0 }[mutations[name].fate],
  ]);
  expect(wrong.filter(([, count]) => count !== 0)).toEqual([]);
  for (const [name, count] of seen) expect(count.accepted + count.refused, name).toBeGreaterThan(1000);
});

test('100,000 files with two to five things changed: parsed rightly, or refused with a SafetensorsError, nothing else', () => {
  const random = seededRandom(seed + 1);
  let accepted = 0;
  for (let round = 0; round < 100_000; round++) if (parseOrRefuse(mutant(random, 2 + (round % 4)).file)) accepted++;
  expect(accepted).toBeGreaterThan(1000);
  expect(accepted).toBeLessThan(50_000);
});

test('reading in ranges refuses what reading at once refuses, and asks for no byte that is not there', async () => {
  const random = seededRandom(seed + 2);
  for (let round = 0; round < 3000; round++) {
    const { file } = mutant(random, 1 + (round % 3));
    const read = async (from: number, to: number): Promise<Uint8Array> => {
      if (!(from >= 0 && to <= file.length && from < to)) throw new Error(`bytes ${from} to ${to} of ${file.length}`);
      return file.slice(from, to);
    };
    const reader = await openSafetensors({ size: file.length, read }).catch((error: unknown) => {
      if (!(error instanceof SafetensorsError)) throw error;
    });
    const whole = parseOrRefuse(file);
    if ((reader === undefined) !== (whole === undefined)) throw new Error(`round ${round}: one of the two refuses`);
    for (const name of reader?.names() ?? []) {
      if (String(await reader!.readBytes(name)) !== String(whole!.bytes(name))) throw new Error(`round ${round}: other bytes`);
    }
  }
});

test('what passes is written and read again as the same tensors', () => {
  const random = seededRandom(seed + 3);
  let written = 0;
  for (let round = 0; round < 3000; round++) {
    const file = parseOrRefuse(mutant(random, 1).file);
    if (file === undefined || [...file.entries.values()].some(({ dtype }) => /^F[46]|^F8|^C/.test(dtype))) continue;
    written++;
    const { metadata } = file;
    const records = file.names().map((name) => [name, file.get(name)] as const);
    const again = parseSafetensors(serializeSafetensors(records, { metadata }));
    expect([...again.metadata].sort()).toEqual([...metadata].sort());
    expect(again.names().sort()).toEqual(file.names().sort());
    for (const name of file.names()) if (file.get(name).dtype !== 'BOOL') expect(again.get(name)).toEqual(file.get(name));
  }
  expect(written).toBeGreaterThan(100);
});

test('10,000 files of random bytes do no harm', () => {
  const random = seededRandom(seed + 4);
  for (let round = 0; round < 10_000; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 64) }, () => Math.floor(random() * 256));
    if (bytes.length > 8 && round % 2) bytes.set([bytes.length - 8, 0, 0, 0, 0, 0, 0, 0, 0x7b]);
    if ((parseOrRefuse(bytes)?.names().length ?? 0) > 0) throw new Error(`round ${round} is a file with tensors`); // by chance one is empty
  }
});

test('10,000 mutated indexes: parsed or refused with a SafetensorsError, and no shard but a plain name is ever opened', async () => {
  const random = seededRandom(seed + 5);
  const pieces = ['../', '/', '\\\\', 'C:', 'a', '.', '..', '\\u0000', '\\u002f', 'file://', '.safetensors', '.bin', 'é', '"', ',', ':', '{', '}', '[', 'null', '1', '"weight_map"', '\\ud800', ' ']; // biome-ignore format: one row
  const valid =
    '{"metadata":{"total_size":16},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}';
  const opened: string[] = [];
  let accepted = 0;
  for (let round = 0; round < 10_000; round++) {
    let text = valid;
    for (let count = 1 + (round % 3); count > 0; count--) {
      const at = Math.floor(random() * text.length);
      text = text.slice(0, at) + pieces[Math.floor(random() * pieces.length)] + text.slice(at + Math.floor(random() ** 3 * 20));
    }
    try {
      parseSafetensorsIndex(text);
      accepted++;
    } catch (error) {
      if (!(error instanceof SafetensorsError)) throw error;
    }
    const open = async (shard: string): Promise<never> => {
      opened.push(shard);
      throw new SafetensorsError({ expected: 'this shard', got: 'none' });
    };
    await openShardedSafetensors(text, open).catch((error: unknown) => {
      if (!(error instanceof SafetensorsError)) throw error;
    });
  }
  expect(accepted).toBeGreaterThan(500);
  expect(accepted).toBeLessThan(8000);
  expect(opened.length).toBeGreaterThan(500);
  expect(opened.filter((shard) => !/^[^/\\:\p{Cc}]+\.safetensors$/u.test(shard))).toEqual([]);
});
