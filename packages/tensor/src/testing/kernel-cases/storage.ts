import type { DType, TypedArray } from '../../dtype.js';
import { type BackendCase, mustThrow } from '../backend-case.js';
import { dtypeOf, type Lab } from '../backend-lab.js';
import { exact } from '../closeness.js';
import { denormals, oddSizes, sampleOf, specialValues } from '../samples.js';

const dtypes: readonly DType[] = ['float32', 'int32', 'bool'];

async function writesAndReads(lab: Lab, dtype: DType): Promise<void> {
  for (const n of oddSizes) {
    const data = sampleOf(dtype, n, n);
    const buffer = lab.put(data);
    if (buffer.length !== n || buffer.dtype !== dtype) throw new Error(`alloc(${n}, ${dtype}) gave ${buffer.length} × ${buffer.dtype}`);
    const from = n >> 2;
    const part = await lab.backend.read(buffer, from, n);
    await lab.check(`${dtype} [${n}]`, buffer, data, exact);
    await lab.check(`read(${from}, ${n})`, lab.put(part), data.slice(from), exact);
    if (dtypeOf(part) !== dtype) throw new Error(`read of ${dtype} gave ${part.constructor.name}`);
  }
}

/** Bits, which comparing numbers does not see: -0 is not 0. */
function bitsOf(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

async function keepsBits(lab: Lab): Promise<void> {
  const data = Float32Array.from([...specialValues, ...denormals].filter((x) => !Number.isNaN(x)));
  const got = await lab.backend.read(lab.put(data));
  await lab.check('bits', lab.put(bitsOf(got)), bitsOf(data), exact);
}

async function writesAtAnOffset(lab: Lab): Promise<void> {
  const out = lab.out('float32', 9, new Float32Array(9));
  lab.backend.write(out, Float32Array.from([1, 2, 3]), 5);
  await lab.check('write at 5', out, [0, 0, 0, 0, 0, 1, 2, 3, 0], exact);
}

/** What is read is a copy: later writes do not show in it, nor does writing to it show in the buffer. */
async function readsCopies(lab: Lab): Promise<void> {
  const out = lab.out('float32', 3, Float32Array.from([1, 2, 3]));
  const before = await lab.backend.read(out);
  before[0] = 99;
  lab.backend.kernels.fill(out, 7);
  await lab.check('the buffer', out, [7, 7, 7], exact);
  await lab.check('the copy', lab.put(before), [99, 2, 3], exact);
}

async function syncAgrees(lab: Lab): Promise<void> {
  const { backend } = lab;
  if (!backend.readSync) return;
  const buffer = lab.put(sampleOf('float32', 1, 17));
  await lab.check('readSync', lab.put(backend.readSync(buffer, 3, 15)), await backend.read(buffer, 3, 15), exact);
}

async function counts(lab: Lab): Promise<void> {
  const { backend } = lab;
  const before = backend.memory();
  const buffer = backend.alloc(1000, 'float32');
  const during = backend.memory();
  backend.free(buffer);
  const after = backend.memory();
  if (during.buffers !== before.buffers + 1) throw new Error(`memory().buffers: expected ${before.buffers + 1}, got ${during.buffers}`);
  if (during.bytes < before.bytes + 4000) throw new Error(`memory().bytes: expected at least ${before.bytes + 4000}, got ${during.bytes}`);
  if (after.buffers !== before.buffers || after.bytes !== before.bytes) {
    throw new Error(`memory() after free: expected ${JSON.stringify(before)}, got ${JSON.stringify(after)}`);
  }
}

/** Many buffers at once do not overlap, also when space that was freed is used again. */
async function keepsApart(lab: Lab): Promise<void> {
  const { backend } = lab;
  const all = Array.from({ length: 60 }, (_, i) => {
    const buffer = backend.alloc((i * 37) % 101, 'int32');
    backend.kernels.fill(buffer, i);
    return buffer;
  });
  try {
    for (let i = 0; i < all.length; i += 3) {
      backend.free(all[i]!);
      all[i] = backend.alloc((i * 53) % 127, 'int32');
      backend.kernels.fill(all[i]!, i);
    }
    for (const [i, buffer] of all.entries()) await lab.check(`buffer ${i}`, buffer, new Int32Array(buffer.length).fill(i), exact);
  } finally {
    for (const buffer of all) backend.free(buffer);
  }
}

async function refuses(lab: Lab): Promise<void> {
  const { backend } = lab;
  const known: readonly DType[] = ['float32', 'float64', 'int32', 'bool'];
  for (const dtype of known.filter((dtype) => !backend.dtypes.includes(dtype))) {
    mustThrow(`alloc of ${dtype}`, [dtype], () => backend.alloc(4, dtype));
  }
  const out = lab.out('float32', 4);
  mustThrow('write past the end', [], () => backend.write(out, new Float32Array(5)));
  mustThrow('write at an offset past the end', [], () => backend.write(out, new Float32Array(2), 3));
  const freed = backend.alloc(4, 'float32');
  backend.free(freed);
  mustThrow('free of a buffer that was freed', [], () => backend.free(freed));
}

export const storageCases: readonly BackendCase[] = [
  ...dtypes.map((dtype) => ({ name: `storage: ${dtype} of odd sizes`, run: (lab: Lab) => writesAndReads(lab, dtype) })),
  { name: 'storage: keeps bits', run: keepsBits },
  { name: 'storage: writes at an offset', run: writesAtAnOffset },
  { name: 'storage: reads copies', run: readsCopies },
  { name: 'storage: readSync agrees with read', run: syncAgrees },
  { name: 'storage: memory counts buffers and bytes', run: counts },
  { name: 'storage: buffers lie apart', run: keepsApart },
  { name: 'storage: refuses what cannot be', run: refuses },
];
