/**
 * Strings with a number each, read unit by unit: `step` from a node by a UTF-16 code unit, `value` of where it has led. One open hash
 * table for all nodes.
 */
export class PieceTrie {
  #nodes = 1;
  #values: Int32Array = new Int32Array(64).fill(-1);
  #from: Int32Array = new Int32Array(64).fill(-1);
  #unit: Int32Array = new Int32Array(64);
  #to: Int32Array = new Int32Array(64);

  constructor(entries: Iterable<readonly [text: string, value: number]> = []) {
    for (const [text, value] of entries) this.add(text, value);
  }

  add(text: string, value: number): void {
    let node = 0;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      let next = this.step(node, unit);
      if (next < 0) {
        next = this.#nodes++;
        if (2 * this.#nodes > this.#from.length) this.#grow();
        this.#put(node, unit, next);
      }
      node = next;
    }
    this.#values[node] = value;
  }

  /** The node that this unit leads to from a node, −1 if to none. The root is 0. */
  step(node: number, unit: number): number {
    const mask = this.#from.length - 1;
    for (let slot = hash(node, unit) & mask; ; slot = (slot + 1) & mask) {
      const from = this.#from[slot]!;
      if (from < 0) return -1;
      if (from === node && this.#unit[slot] === unit) return this.#to[slot]!;
    }
  }

  /** The number of the string that ends at this node, −1 if none does. */
  value(node: number): number {
    return this.#values[node]!;
  }

  /** How long the longest string is that the text has at this place; 0 if it has none. */
  longest(text: string, at: number): number {
    let length = 0;
    let node = 0;
    for (let i = at; i < text.length; ) {
      node = this.step(node, text.charCodeAt(i++));
      if (node < 0) break;
      if (this.#values[node]! >= 0) length = i - at;
    }
    return length;
  }

  #put(node: number, unit: number, to: number): void {
    const mask = this.#from.length - 1;
    let slot = hash(node, unit) & mask;
    while (this.#from[slot]! >= 0) slot = (slot + 1) & mask;
    this.#from[slot] = node;
    this.#unit[slot] = unit;
    this.#to[slot] = to;
  }

  #grow(): void {
    const [from, unit, to] = [this.#from, this.#unit, this.#to];
    const size = 2 * from.length;
    const values = new Int32Array(size).fill(-1);
    values.set(this.#values);
    this.#values = values;
    this.#from = new Int32Array(size).fill(-1);
    this.#unit = new Int32Array(size);
    this.#to = new Int32Array(size);
    for (let slot = 0; slot < from.length; slot++) if (from[slot]! >= 0) this.#put(from[slot]!, unit[slot]!, to[slot]!);
  }
}

function hash(node: number, unit: number): number {
  const mixed = Math.imul(node ^ Math.imul(unit, 0x85ebca6b), 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
