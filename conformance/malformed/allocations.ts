/*
 * Counts the bytes that a program asks for by `new Uint8Array(length)` and its like. The size of the heap afterwards does not tell: what
 * was asked for may have been refused, or given and freed again.
 */

const names = ['ArrayBuffer', 'SharedArrayBuffer', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array'] as const; // biome-ignore format: one row

let asked = 0;

/** Makes the constructors of this process count; before the modules are imported that keep references to them. */
export function countAllocations(): void {
  for (const name of names) {
    const original = globalThis[name];
    const width = 'BYTES_PER_ELEMENT' in original ? original.BYTES_PER_ELEMENT : 1;
    const counting: unknown = new Proxy(original, {
      construct(target, args, newTarget) {
        const [length] = args;
        if (typeof length === 'number' && length > 0) asked += length * width;
        return Reflect.construct(target, args, newTarget === counting ? target : newTarget);
      },
    });
    Object.defineProperty(globalThis, name, { value: counting, writable: true, configurable: true });
  }
}

/** The bytes asked for since the last call. */
export function takeAsked(): number {
  const taken = asked;
  asked = 0;
  return taken;
}
