/** Places in a text, in code units and in code points. */
export class TextPlaces {
  readonly #codePoints: Int32Array | undefined;
  readonly #units: Int32Array | undefined;

  constructor(text: string) {
    if (!/[\uD800-\uDFFF]/.test(text)) return;
    const codePoints = new Int32Array(text.length + 1);
    const units = new Int32Array(text.length + 1);
    let count = 0;
    for (let at = 0; at < text.length; ) {
      const width = (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
      codePoints.fill(count, at, at + width);
      units[count++] = at;
      at += width;
    }
    codePoints[text.length] = count;
    units[count] = text.length;
    this.#codePoints = codePoints;
    this.#units = units;
  }

  inCodePoints(unit: number): number {
    return this.#codePoints === undefined ? unit : (this.#codePoints[unit] as number);
  }

  inUnits(codePoint: number): number {
    return this.#units === undefined ? codePoint : (this.#units[codePoint] as number);
  }
}
