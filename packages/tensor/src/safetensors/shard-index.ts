/**
 * The index of a checkpoint in shards, `model.safetensors.index.json`: which tensor is in which file. It names files, so it is where a
 * hostile checkpoint would reach outside its folder: a name that is anything but a plain file name is refused before any file is opened.
 */
import { quote, SafetensorsError } from './error.js';
import { MAX_HEADER_BYTES } from './header.js';
import { isWellFormed, JsonCursor } from './header-json.js';

/** What an index says. */
export interface SafetensorsIndex {
  /** The file that holds each tensor, in the order of the index. */
  readonly weightMap: ReadonlyMap<string, string>;
  /** What stands under `metadata`, `total_size` among it: advice that nothing here depends on. Empty if there is none. */
  readonly metadata: ReadonlyMap<string, unknown>;
}

/** The longest name of a file that is taken, in UTF-16 units; file systems hold some 255 bytes. */
const MAX_NAME = 255;

/**
 * Reads the text of an index and checks it: `weight_map` is an object of file names, no key stands twice, and each file is a
 * `.safetensors` file of the folder in which the index lies.
 *
 * @throws SafetensorsError if it is no such index; the message names the tensor and what its file would have been.
 * @example
 * parseSafetensorsIndex('{"weight_map":{"w":"model-00001-of-00001.safetensors"}}').weightMap.get('w') // 'model-00001-of-00001.safetensors'
 */
export function parseSafetensorsIndex(index: Uint8Array | string, options: { name?: string } = {}): SafetensorsIndex {
  const cursor = new JsonCursor(decode(index, options.name), options.name, 'index');
  let weightMap: Map<string, string> | undefined;
  let metadata = new Map<string, unknown>();
  cursor.object({}, 'a JSON object', (key) => {
    if (key === 'weight_map') weightMap = parseWeightMap(cursor);
    else if (key === 'metadata') metadata = mapOf(cursor.value({ field: 'metadata' }));
    else cursor.value({ field: key });
  });
  cursor.end();
  if (weightMap === undefined) return cursor.refuse({ field: 'weight_map' }, 'an object of file names', 'none');
  return { weightMap, metadata };
}

function decode(index: Uint8Array | string, file: string | undefined): string {
  const refuse = (expected: string, got: string, cause?: unknown): never => {
    throw new SafetensorsError({ file, field: 'index', expected, got }, { cause });
  };
  if (typeof index === 'string') return isWellFormed(index) ? index : refuse('well-formed Unicode', 'a lone surrogate');
  if (index.length > MAX_HEADER_BYTES) refuse(`at most ${MAX_HEADER_BYTES} bytes`, String(index.length));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(index);
  } catch (cause) {
    return refuse('UTF-8', 'bytes that are not', cause);
  }
}

function parseWeightMap(cursor: JsonCursor): Map<string, string> {
  const weightMap = new Map<string, string>();
  cursor.object({ field: 'weight_map' }, 'an object of file names', (tensor) => {
    const place = { tensor, field: 'weight_map' };
    const shard = cursor.string(place, 'the name of a file');
    if (!isPlainFileName(shard)) cursor.refuse(place, 'the plain name of a .safetensors file in the same folder', quote(shard));
    weightMap.set(tensor, shard);
  });
  return weightMap;
}

/** Whether `name` can only be a file of the folder it is looked for in, on every system and in every URL. */
function isPlainFileName(name: string): boolean {
  return name.length <= MAX_NAME && /^[^/\\:\p{Cc}]+\.safetensors$/u.test(name);
}

function mapOf(value: unknown): Map<string, unknown> {
  return new Map(typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []);
}

/** The text of an index as transformers writes it: two spaces, sorted keys, a line feed at the end. */
export function indexText(weightMap: Iterable<readonly [tensor: string, shard: string]>, totalSize: number): string {
  const rows = [...weightMap].map(([tensor, shard]) => `    ${JSON.stringify(tensor)}: ${JSON.stringify(shard)}`);
  return `{\n  "metadata": {\n    "total_size": ${totalSize}\n  },\n  "weight_map": {\n${rows.join(',\n')}\n  }\n}\n`;
}
