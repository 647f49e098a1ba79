import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpu } from '@multihead/tensor';
import { serializeSafetensors, type TensorRecord } from '@multihead/tensor/safetensors';
import { afterAll, describe, expect, it } from 'vitest';
import { locate } from '../folder.js';
import { onnx } from '../onnx/index.js';
import { type Result, runFamilies } from '../run.js';

// What an adapter makes of a node: attributes and inputs, versions, element types.

const backend = cpu();
const folders: string[] = [];

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

const f32 = (...data: number[]): TensorRecord => ({ dtype: 'F32', shape: [data.length], data: Float32Array.from(data) });
const i64 = (...data: bigint[]): TensorRecord => ({ dtype: 'I64', shape: [data.length], data: BigInt64Array.from(data) });
const u8 = (...data: number[]): TensorRecord => ({ dtype: 'U8', shape: [data.length], data: Uint8Array.from(data) });
const shaped = (record: TensorRecord, ...shape: number[]) => ({ ...record, shape }) as TensorRecord;

interface Node {
  op: string;
  opset?: number;
  family?: string;
  tier?: string;
  attributes?: object;
  inputs: (TensorRecord | null)[];
  outputs: (TensorRecord | null)[];
}

/** The result of one node, read from a folder that holds it alone. */
async function run({ op, opset = 18, family = 'binary', tier = 'core', attributes = {}, inputs, outputs }: Node): Promise<Partial<Result>> {
  const folder = mkdtempSync(join(tmpdir(), 'multihead-onnx-'));
  folders.push(folder);
  const records: [string, TensorRecord][] = [];
  const ref = (prefix: string) => (record: TensorRecord | null, i: number) => {
    if (record === null) return null;
    records.push([`${prefix}${i}`, record]);
    return { ref: `${prefix}${i}`, dtype: record.dtype, shape: record.shape };
  };
  const node = { name: 'node', op_type: op, domain: 'ai.onnx', opset, tier, attributes, rtol: 1e-3, atol: 1e-7 };
  const cases = [{ ...node, inputs: inputs.map(ref('in')), outputs: outputs.map(ref('out')) }];
  writeFileSync(join(folder, 'x.json'), JSON.stringify({ suite: 'onnx', family, data: 'x.safetensors', cases }));
  writeFileSync(join(folder, 'x.safetensors'), serializeSafetensors(records));
  for await (const { outcome, reason } of runFamilies(onnx.open(locate(folder, 'onnx')), 'cpu', backend)) return { outcome, reason };
  return {};
}

const passed = { outcome: 'passed', reason: undefined };

describe('a node', () => {
  it('passes with the right output and fails with another', async () => {
    const node = { op: 'Add', inputs: [f32(1, 2), f32(3, 4)] };
    expect(await run({ ...node, outputs: [f32(4, 6)] })).toEqual(passed);
    expect((await run({ ...node, outputs: [f32(4, 6.1)] })).reason).toMatch(/^output 0: got 6, want 6\.0999\d* at \[1\] of \[2\]/);
  });

  it('must give every output that is asked for', async () => {
    const [x, scale] = [shaped(f32(1, 3), 1, 2), f32(1, 1)];
    const node = { op: 'LayerNormalization', family: 'norm', inputs: [x, scale] };
    const [y, mean] = [shaped(f32(-1, 1), 1, 2), shaped(f32(2), 1, 1)];
    expect(await run({ ...node, outputs: [y, mean] })).toEqual(passed);
    expect((await run({ ...node, outputs: [null, shaped(f32(3), 1, 1)] })).reason).toMatch(/^output 1: got 2, want 3/);
    expect((await run({ ...node, outputs: [y, mean, null, mean] })).reason).toBe('output 3: got nothing, want a value of shape [1, 1]');
  });

  it('has axes as an attribute or an input, by its version, and none or all of them where they are empty', async () => {
    const x = shaped(f32(1, 2, 3, 4), 2, 2);
    const node = { op: 'ReduceSum', family: 'reduce' };
    expect(await run({ ...node, opset: 11, attributes: { axes: [0] }, inputs: [x], outputs: [shaped(f32(4, 6), 1, 2)] })).toEqual(passed);
    expect(await run({ ...node, inputs: [x, i64(0n)], outputs: [shaped(f32(4, 6), 1, 2)] })).toEqual(passed);
    expect(await run({ ...node, inputs: [x, i64()], outputs: [shaped(f32(10), 1, 1)] })).toEqual(passed);
    expect(await run({ ...node, attributes: { noop_with_empty_axes: 1 }, inputs: [x], outputs: [x] })).toEqual(passed);
  });

  it('has the softmax of its version: of all axes from the second on, or of the last', async () => {
    const x = shaped(f32(0, 0, 0, 0), 1, 2, 2);
    const softmax = (opset: number, share: number) =>
      run({ op: 'Softmax', opset, family: 'softmax', inputs: [x], outputs: [shaped(f32(share, share, share, share), 1, 2, 2)] });
    expect(await softmax(11, 0.25)).toEqual(passed);
    expect(await softmax(13, 0.5)).toEqual(passed);
  });

  it('slices to the end by the greatest integer that there is', async () => {
    const inputs = [f32(1, 2, 3), i64(1n), i64(2n ** 63n - 1n)];
    expect(await run({ op: 'Slice', family: 'shape', inputs, outputs: [f32(2, 3)] })).toEqual(passed);
  });
});

describe('element types', () => {
  it('narrow integers are int32; a result that wraps around in theirs is skipped, and a wrong one is not', async () => {
    const node = { op: 'Add', inputs: [u8(200, 1), u8(100, 2)] };
    expect(await run({ op: 'Add', inputs: [u8(1, 2), u8(3, 4)], outputs: [u8(4, 6)] })).toEqual(passed);
    expect(await run({ ...node, outputs: [u8(44, 3)] })).toEqual({
      outcome: 'skipped',
      reason: 'by design: integers are int32, and this result wraps around in U8',
    });
    expect((await run({ ...node, outputs: [u8(45, 3)] })).outcome).toBe('failed');
  });

  it('integers beyond int32 are skipped', async () => {
    const reason = 'by design: integers are int32, which does not hold these values of I64';
    expect(await run({ op: 'Neg', inputs: [i64(2n ** 31n)], outputs: [i64(-(2n ** 31n))] })).toEqual({ outcome: 'skipped', reason });
    expect(await run({ op: 'Neg', inputs: [i64(-(2n ** 31n))], outputs: [i64(2n ** 31n)] })).toEqual({ outcome: 'skipped', reason });
  });

  it('half floats are computed in float32 and rounded at the end', async () => {
    const bf16 = (...bits: number[]): TensorRecord => ({ dtype: 'BF16', shape: [bits.length], data: Uint16Array.from(bits) });
    const [one, third, four3rds] = [0x3f80, 0x3eab, 0x3fab];
    expect(await run({ op: 'Add', inputs: [bf16(one), bf16(third)], outputs: [bf16(four3rds)] })).toEqual(passed);
    expect((await run({ op: 'Add', inputs: [bf16(one), bf16(third)], outputs: [bf16(four3rds + 1)] })).outcome).toBe('failed');
  });

  it('sums may be off by 1e-5, single elements by no more than the case says', async () => {
    const off = f32(5e-6);
    expect(await run({ op: 'ReduceSum', family: 'reduce', inputs: [f32(0), i64(0n)], outputs: [off] })).toEqual(passed);
    expect((await run({ op: 'Neg', family: 'unary', inputs: [f32(0)], outputs: [off] })).outcome).toBe('failed');
  });
});

describe('what is skipped', () => {
  it('says why', async () => {
    const x = f32(1);
    const skipped = (reason: string) => ({ outcome: 'skipped', reason });
    expect(await run({ op: 'Frobnicate', inputs: [x], outputs: [x] })).toEqual(skipped('not built yet: Frobnicate'));
    expect(await run({ op: 'LSTM', tier: 'extra', inputs: [x], outputs: [x] })).toEqual(skipped('not built yet: LSTM (extra tier)'));
    expect(await run({ op: 'SequenceEmpty', inputs: [x], outputs: [x] })).toEqual(
      skipped('by design: a list of tensors is an array of JavaScript'),
    );
    expect(await run({ op: 'Neg', inputs: [x, x], outputs: [x] })).toEqual(skipped('not built yet: Neg with input 1'));
    const training = { dtype: 'BOOL', shape: [], data: Uint8Array.of(1) } as const;
    expect(await run({ op: 'Dropout', inputs: [x, x, training], outputs: [x] })).toEqual(skipped('by design: random numbers are our own'));
  });
});
