/** Words by their code units. All edges are in one hash table of typed arrays, so that a quarter of a million words stay small. */
export class Trie {
  #parents = new Int32Array(1024).fill(-1);
  #units = new Uint16Array(1024);
  #children = new Int32Array(1024);
  #edges = 0;
  #values = new Int32Array(512).fill(-1);

  /** `value` is not negative. The last value of equal words counts. */
  insert(word: string, value: number): void {
    let node = 0;
    for (let i = 0; i < word.length; i++) {
      const unit = word.charCodeAt(i);
      let child = this.child(node, unit);
      if (child < 0) child = this.#grow(node, unit);
      node = child;
    }
    this.#values[node] = value;
  }

  /** The node after one more code unit; -1 if no word goes on like that. The root is 0. */
  child(node: number, unit: number): number {
    const parents = this.#parents;
    const mask = parents.length - 1;
    for (let slot = hash(node, unit) & mask; ; slot = (slot + 1) & mask) {
      const parent = parents[slot];
      if (parent === -1) return -1;
      if (parent === node && this.#units[slot] === unit) return this.#children[slot] as number;
    }
  }

  /** The value of the word that ends in a node; -1 if none does. */
  value(node: number): number {
    return this.#values[node] as number;
  }

  #grow(parent: number, unit: number): number {
    if (this.#edges * 2 >= this.#parents.length) this.#rehash();
    const child = ++this.#edges;
    this.#put(parent, unit, child);
    if (child >= this.#values.length) {
      const values = new Int32Array(this.#values.length * 2).fill(-1);
      values.set(this.#values);
      this.#values = values;
    }
    return child;
  }

  #put(parent: number, unit: number, child: number): void {
    const mask = this.#parents.length - 1;
    let slot = hash(parent, unit) & mask;
    while (this.#parents[slot] !== -1) slot = (slot + 1) & mask;
    this.#parents[slot] = parent;
    this.#units[slot] = unit;
    this.#children[slot] = child;
  }

  #rehash(): void {
    const parents = this.#parents;
    const units = this.#units;
    const children = this.#children;
    this.#parents = new Int32Array(parents.length * 2).fill(-1);
    this.#units = new Uint16Array(parents.length * 2);
    this.#children = new Int32Array(parents.length * 2);
    for (let slot = 0; slot < parents.length; slot++) {
      if (parents[slot] !== -1) this.#put(parents[slot] as number, units[slot] as number, children[slot] as number);
    }
  }
}

function hash(node: number, unit: number): number {
  const mixed = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
  return mixed ^ (mixed >>> 15);
}
