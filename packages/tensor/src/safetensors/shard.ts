/** Splitting a checkpoint into shards: which tensor goes into which file, and the index that says so. */
import { SafetensorsError } from './error.js';
import { compareCodePoints, type Piece, pairs, piecesOf, type TensorsToWrite } from './piece.js';
import { indexText } from './shard-index.js';
import { indexName, shardName, singleName } from './shard-name.js';
import { bytesOf, layOutPieces, type SafetensorsLayout, type SerializeOptions } from './write.js';

/** How tensors become a checkpoint of one or several files. */
export interface ShardOptions extends SerializeOptions {
  /** Bytes of tensors that one file has at most, 5,000,000,000 if left out; a tensor that is larger gets a file of its own. */
  readonly maxShardBytes?: number;
  /** The beginning of the names of the files: `model` if left out, as transformers has it. */
  readonly name?: string;
}

/** A checkpoint to be written: its files by name, and the index unless there is one file only. */
export interface ShardPlan {
  readonly files: ReadonlyMap<string, SafetensorsLayout>;
  readonly index?: { readonly name: string; readonly text: string };
}

/**
 * Tensors as the files of a checkpoint, named as transformers names them: `model.safetensors` if one file holds them, else
 * `model-00001-of-00003.safetensors` and so on and at last `model.safetensors.index.json`. Each file is made when its turn comes.
 *
 * Tensors are dealt out in the order of their names, and `metadata` goes into every shard: the same tensors give the same bytes in
 * whatever order they come.
 *
 * @throws SafetensorsError for what `serializeSafetensors` refuses, before the first file is made, and for a `maxShardBytes` that is no
 * positive number.
 * @example
 * for (const [name, bytes] of serializeShardedSafetensors(recordsOf(await readState(model)), { maxShardBytes: 2e9, dtype: 'F16' })) {
 *   await upload(name, bytes); // 'model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'model.safetensors.index.json'
 * }
 */
export function* serializeShardedSafetensors(
  tensors: TensorsToWrite,
  options: ShardOptions = {},
): Generator<[name: string, bytes: Uint8Array]> {
  const { files, index } = planShards(tensors, options);
  for (const [name, layout] of files) yield [name, bytesOf(layout)];
  if (index) yield [index.name, new TextEncoder().encode(index.text)];
}

/** Checks the tensors and deals them out; the data is not touched yet. */
export function planShards(tensors: TensorsToWrite, options: ShardOptions = {}): ShardPlan {
  const { maxShardBytes = 5e9, name = 'model', dtype } = options;
  if (!(maxShardBytes > 0)) {
    throw new SafetensorsError({ field: 'maxShardBytes', expected: 'a positive number of bytes', got: String(maxShardBytes) });
  }
  const pieces = piecesOf(tensors, dtype).sort((a, b) => compareCodePoints(a.name, b.name));
  const metadata = options.metadata && [...pairs(options.metadata)]; // an iterator serves once, and each shard has it
  const shards = dealOut(pieces, maxShardBytes);
  if (shards.length === 1) return { files: new Map([[singleName(name), layOutPieces(shards[0], metadata)]]) };
  const named = shards.map((shard, i) => [shardName(name, i, shards.length), shard] as const);
  const weightMap = named.flatMap(([file, shard]) => shard.map((piece) => [piece.name, file] as const));
  const totalSize = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return {
    files: new Map(named.map(([file, shard]) => [file, layOutPieces(shard, metadata)])),
    index: { name: indexName(name), text: indexText(weightMap, totalSize) },
  };
}

/** The pieces in groups of at most `most` bytes, or of one piece that is larger; one empty group if there are none. */
function dealOut(pieces: readonly Piece[], most: number): Piece[][] {
  const groups: Piece[][] = [[]];
  let bytes = 0;
  for (const piece of pieces) {
    const group = groups[groups.length - 1];
    if (group.length > 0 && bytes + piece.byteLength > most) {
      groups.push([piece]);
      bytes = piece.byteLength;
    } else {
      group.push(piece);
      bytes += piece.byteLength;
    }
  }
  return groups;
}
