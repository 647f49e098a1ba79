import { describe, expect, test } from 'vitest';
import type { TensorRecord } from './dtype.js';
import { SafetensorsError } from './error.js';
import { parseSafetensors } from './read.js';
import { serializeShardedSafetensors, type ShardOptions } from './shard.js';
import { parseSafetensorsIndex } from './shard-index.js';
import { openShardedSafetensors } from './sharded.js';
import type { ByteSource } from './source.js';
import { stateOf } from './state.js';
import { serializeSafetensors } from './write.js';

const f32 = (...values: number[]): TensorRecord => ({ dtype: 'F32', shape: [values.length], data: Float32Array.from(values) });
const one = 'model-00001-of-00002.safetensors';
const two = 'model-00002-of-00002.safetensors';
const shards: Record<string, Uint8Array> = {
  [one]: serializeSafetensors({ a: f32(1, 2) }, { metadata: { format: 'pt', first: '1' } }),
  [two]: serializeSafetensors([['b', f32(3)], ['__proto__', f32(4)]], { metadata: { format: 'np' } }), // biome-ignore format: one row
};
const weightMap = (rows: string): string => `{"weight_map":{${rows}}}`;
const good = weightMap(`"b":"${two}","a":"${one}","__proto__":"${two}"`);

/** Opens the shards above, and notes which were opened and closed. */
function opener() {
  const opened: string[] = [];
  const closed: string[] = [];
  const open = async (shard: string): Promise<ByteSource> => {
    opened.push(shard);
    const bytes = shards[shard];
    if (!bytes) throw new Error(`there is no ${shard}`);
    return {
      size: bytes.length,
      name: shard,
      read: async (from, to) => bytes.slice(from, to),
      close: async () => void closed.push(shard),
    };
  };
  return { opened, closed, open };
}

describe('reading', () => {
  test('tensors of all shards, in the order of the index, under exactly their names', async () => {
    const { open, opened, closed } = opener();
    const reader = await openShardedSafetensors(good, open, { name: 'model.safetensors.index.json' });
    expect(reader.names()).toEqual(['b', 'a', '__proto__']);
    expect(reader.entries.get('b')).toEqual({ dtype: 'F32', shape: [1], begin: 4, end: 8, shard: two });
    expect(reader.index.weightMap.get('a')).toBe(one);
    expect(reader.metadata).toEqual(new Map([['format', 'pt'], ['first', '1']])); // biome-ignore format: one row
    expect(await reader.read('__proto__')).toEqual({ name: '__proto__', ...f32(4) });
    expect(await reader.readBytes('a')).toEqual(new Uint8Array(Float32Array.of(1, 2).buffer));
    expect((await stateOf(reader)).get('a')).toEqual({ dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) });
    await expect(reader.read('toString')).rejects.toThrow('tensor "toString": expected a tensor of this name');
    expect(opened).toEqual([one, two]);
    await reader.close();
    expect(closed.sort()).toEqual([one, two]);
  });

  test('a tensor that the index does not name, or names in another shard, is not handed out', async () => {
    const both: Record<string, Uint8Array> = {
      [one]: serializeSafetensors({ a: f32(1), b: f32(-1), extra: f32(9) }),
      [two]: serializeSafetensors({ b: f32(2) }),
    };
    const reader = await openShardedSafetensors(weightMap(`"a":"${one}","b":"${two}"`), async (shard) => ({
      size: both[shard].length,
      read: async (from, to) => both[shard].slice(from, to),
    }));
    expect(reader.names()).toEqual(['a', 'b']);
    expect((await reader.read('b')).data).toEqual(Float32Array.of(2));
    await expect(reader.read('extra')).rejects.toThrow(SafetensorsError);
    await reader.close();
  });

  test('tensors that their shards lack are refused, all at once, and every shard is closed again', async () => {
    const { open, closed } = opener();
    const index = weightMap(`"a":"${one}","c":"${one}","d":"${two}"`);
    const opening = openShardedSafetensors(index, open, { name: 'the index' });
    await expect(opening).rejects.toThrow(`safetensors the index, weight_map: expected each tensor in the shard that the index names, got shards without "c" (${one}), "d" (${two})`); // biome-ignore format: one row
    expect(closed.sort()).toEqual([one, two]);
  });

  test('a shard that is not there or broken: its error, and what was opened is closed again', async () => {
    const missing = opener();
    await expect(openShardedSafetensors(weightMap(`"a":"${one}","b":"c.safetensors"`), missing.open)).rejects.toThrow('there is no c');
    expect(missing.closed).toEqual(missing.opened.filter((shard) => shard === one));
    const broken = opener();
    const open = async (shard: string): Promise<ByteSource> => ({
      ...(await broken.open(shard)),
      size: shard === two ? 11 : shards[one].length,
    });
    await expect(openShardedSafetensors(good, open)).rejects.toThrow(`safetensors ${two}, header length`);
    expect(broken.closed.sort()).toEqual([one, two]);
  });

  test('an aborted signal throws its reason', async () => {
    const reason = new Error('enough');
    const { open, opened, closed } = opener();
    await expect(openShardedSafetensors(good, open, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(opened).toEqual([]);
    const controller = new AbortController();
    const slow = async (shard: string): Promise<ByteSource> => {
      controller.abort(reason);
      return open(shard);
    };
    await expect(openShardedSafetensors(good, slow, { signal: controller.signal })).rejects.toBe(reason);
    expect(closed).toEqual(opened);
  });
});

describe('the index', () => {
  test.each([
    ['without metadata', `{"weight_map":{"a":"${one}"}}`],
    ['with a total size that is wrong', `{"metadata":{"total_size":1},"weight_map":{"a":"${one}"}}`],
    ['with a total size of 2^60', `{"metadata":{"total_size":1152921504606846976},"weight_map":{"a":"${one}"}}`],
    ['with metadata of any kind', `{"metadata":[1,{"a":"]}"},-1.5e3,null],"weight_map":{"a":"${one}"}}`],
    ['with fields of later versions', `{"version":2,"more":{"__proto__":[]},"weight_map":{"a":"${one}"}, "last" : true }\n`],
    ['as bytes', new TextEncoder().encode(`{ "weight_map" : { "a" : "${one}" } }`)],
  ])('is taken %s', (_what, index) => {
    expect([...parseSafetensorsIndex(index).weightMap]).toEqual([['a', one]]);
  });

  test('keeps its metadata as data', () => {
    const { metadata } = parseSafetensorsIndex('{"metadata":{"total_size":8,"__proto__":{"x":1}},"weight_map":{}}');
    expect([...metadata]).toEqual([['total_size', 8], ['__proto__', { x: 1 }]]); // biome-ignore format: one row
    expect(({} as { x?: number }).x).toBeUndefined();
  });

  const names: [why: string, name: string][] = [
    ['a path out of the folder', '../../../../etc/passwd'],
    ['a path out of the folder to a .safetensors', '../secret.safetensors'],
    ['a path out, with backslashes', '..\\\\..\\\\secret.safetensors'],
    ['a path below', 'sub/model.safetensors'],
    ['an absolute path', '/etc/secret.safetensors'],
    ['a drive', 'C:\\\\secret.safetensors'],
    ['a path of a drive', 'C:secret.safetensors'],
    ['a network path', '\\\\\\\\host\\\\share\\\\x.safetensors'],
    ['a URL', 'https://example.org/x.safetensors'],
    ['a data URL', 'data:application/octet-stream;base64,AAAA'],
    ['a file URL', 'file:///etc/x.safetensors'],
    ['a NUL', 'x.safetensors\\u0000.txt'],
    ['a NUL before the ending', 'x\\u0000.safetensors'],
    ['a line feed', 'x\\n.safetensors'],
    ['nothing', ''],
    ['this folder', '.'],
    ['the folder above', '..'],
    ['a pickle', 'pytorch_model-00001-of-00002.bin'],
    ['the ending alone', '.safetensors'],
    ['a very long name', `${'n'.repeat(300)}.safetensors`],
  ];
  test.each(names)('with %s as file is refused before any file is opened', async (_why, name) => {
    const { open, opened } = opener();
    const opening = openShardedSafetensors(weightMap(`"a":"${one}","b":"${name}"`), open);
    await expect(opening).rejects.toThrow(SafetensorsError);
    await expect(opening).rejects.toThrow('tensor "b", weight_map: expected the plain name of a .safetensors file in the same folder');
    expect(opened).toEqual([]);
  });

  const broken: [why: string, index: string | Uint8Array, message: string][] = [
    ['nothing', '', 'index: expected a JSON object, got its end'],
    ['YAML', 'weight_map: a', 'index: expected a JSON object, got weight_map'],
    ['an array', '[]', 'a JSON object'],
    ['a byte order mark', `\ufeff${good}`, 'a JSON object'],
    ['no map', '{"metadata":{}}', 'weight_map: expected an object of file names, got none'],
    ['null for the map', '{"weight_map":null}', 'weight_map: expected an object of file names, got null'],
    ['an array for the map', '{"weight_map":[]}', 'weight_map: expected an object of file names, got ['],
    ['null for a name', weightMap('"a":null'), 'tensor "a", weight_map: expected the name of a file, got null'],
    ['a number for a name', weightMap('"a":1'), 'the name of a file, got 1'],
    ['an object for a name', weightMap('"a":{}'), 'the name of a file, got {'],
    ['a tensor twice', weightMap(`"a":"${one}","a":"${two}"`), 'weight_map: expected each key once, got "a" a second time'],
    ['a tensor twice, once escaped', weightMap(`"a":"${one}","\\u0061":"${one}"`), 'got "a" a second time'],
    ['__proto__ twice', weightMap(`"__proto__":"${one}","__proto__":"${one}"`), 'got "__proto__" a second time'],
    ['two maps', `{"weight_map":{},"weight_map":{}}`, 'got "weight_map" a second time'],
    ['a lone surrogate', weightMap(`"\\ud800":"${one}"`), 'no lone surrogate'],
    ['a lone surrogate in its text', weightMap(`"\ud800":"${one}"`), 'well-formed Unicode, got a lone surrogate'],
    ['no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 'index: expected UTF-8'],
    ['a second value', `${good}{}`, 'nothing but white space after the JSON object of the index'],
    ['an unclosed object', good.slice(0, -1), '"," or "}", got its end'],
    ['metadata cut short', '{"metadata":{"a":[1,', 'metadata: expected a value, got its end'],
    ['metadata that is no JSON', '{"metadata":{"a" 1},"weight_map":{}}', 'metadata: expected a value, got {'],
    ['metadata that is a word', '{"metadata":True,"weight_map":{}}', 'metadata: expected a value, got True'],
  ];
  test.each(broken)('is refused: %s', (_why, index, message) => {
    const act = (): unknown => parseSafetensorsIndex(index, { name: 'some.json' });
    expect(act).toThrow(SafetensorsError);
    expect(act).toThrow(message);
    expect(act).toThrow('safetensors some.json, ');
  });

  test('nested 100,000 deep is no matter of the stack', () => {
    expect(() => parseSafetensorsIndex(`{"metadata":${'['.repeat(100_000)}`)).toThrow(SafetensorsError);
    expect(() => parseSafetensorsIndex(`{"weight_map":${'{"a":'.repeat(100_000)}`)).toThrow(SafetensorsError);
    const deep = `{"metadata":${'['.repeat(100_000)}${']'.repeat(100_000)},"weight_map":{"a":"${one}"}}`;
    expect(parseSafetensorsIndex(deep).weightMap.size).toBe(1);
  });

  test('of 100,000 tensors is read in linear time', () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => `"layer.${i}":"${one}"`);
    const begin = performance.now();
    expect(parseSafetensorsIndex(weightMap(rows.join())).weightMap.size).toBe(100_000);
    expect(performance.now() - begin).toBeLessThan(20_000); // a tenth of a second, if the machine has nothing else to do
  });
});

describe('writing', () => {
  const tensors: [string, TensorRecord][] = [
    ['layers.0.weight', f32(1, 2, 3)],
    ['__proto__', f32(4)],
    ['head', f32(5, 6)],
    ['layers.1.weight', f32(7, 8, 9)],
    ['big', f32(...Array(10).keys())],
    ['é', f32()],
  ];
  const filesOf = (given: [string, TensorRecord][], options?: ShardOptions) => new Map(serializeShardedSafetensors(given, options));

  test('shards are filled up to the limit, a tensor beyond it has its own; all can be read back', async () => {
    const files = filesOf(tensors, { maxShardBytes: 16, metadata: Object.entries({ format: 'pt' }).values() });
    const names = [1, 2, 3, 4, 5].map((number) => `model-0000${number}-of-00005.safetensors`);
    expect([...files.keys()]).toEqual([...names, 'model.safetensors.index.json']);
    const held = names.map((name) => parseSafetensors(files.get(name)!));
    expect(held.map((file) => file.names())).toEqual([['__proto__'], ['big'], ['head'], ['layers.0.weight'], ['layers.1.weight', 'é']]);
    for (const file of held) expect([...file.metadata]).toEqual([['format', 'pt']]);
    const reader = await openShardedSafetensors(files.get('model.safetensors.index.json')!, async (shard) => ({
      size: files.get(shard)!.length,
      read: async (from, to) => files.get(shard)!.slice(from, to),
    }));
    expect(reader.names().sort()).toEqual(tensors.map(([name]) => name).sort());
    for (const [name, tensor] of tensors) expect(await reader.read(name)).toEqual({ name, ...tensor });
  });

  test('the index, character by character', () => {
    const files = filesOf([['b"', f32(1)], ['a', f32(2)]], { maxShardBytes: 4, name: 'unet' }); // biome-ignore format: one row
    expect(new TextDecoder().decode(files.get('unet.safetensors.index.json'))).toBe(`{
  "metadata": {
    "total_size": 8
  },
  "weight_map": {
    "a": "unet-00001-of-00002.safetensors",
    "b\\"": "unet-00002-of-00002.safetensors"
  }
}
`);
  });

  test('the same tensors give the same files in whatever order they come', () => {
    const options = { maxShardBytes: 30, dtype: 'F16' } as const;
    expect(filesOf([...tensors].reverse(), options)).toEqual(filesOf(tensors, options));
    expect(filesOf(tensors, options).size).toBeGreaterThan(2);
  });

  test('what one file holds is one file without an index, and no tensors are an empty file', () => {
    expect([...filesOf(tensors)]).toEqual([['model.safetensors', serializeSafetensors(tensors)]]);
    expect([...filesOf(tensors, { maxShardBytes: 80 })].length).toBe(1);
    expect([...filesOf([])]).toEqual([['model.safetensors', serializeSafetensors([])]]);
  });

  test.each([0, -1, Number.NaN])('a limit of %s bytes is refused', (maxShardBytes) => {
    expect(() => filesOf(tensors, { maxShardBytes })).toThrow('maxShardBytes: expected a positive number of bytes');
  });
});
