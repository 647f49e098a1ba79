/*
 * A text that normalizers and pre-tokenizers change and cut, and that knows for each of its code units which part of the input it comes from.
 *
 * Offsets are asked for seldom, so a text is tracked or not. One that is not has the same code units, and that is all that ids depend on.
 * A change is told as in Hugging Face's tokenizers: the new characters in order, each of which replaces the next old one (0), is put in
 * after the last one (a positive number), or replaces the next one and swallows as many more (a negative number). What a character comes from
 * follows from that alone, so that offsets are theirs, too, where theirs are odd.
 */

/** A character of a changed text, and how it came there. */
export type Change = readonly [character: string, change: number];

export class AlignedText {
  readonly text: string;
  /** The part of the input that this text stands for, in UTF-16 code units. */
  readonly from: number;
  readonly to: number;
  readonly tracked: boolean;
  /** By code unit: where what it comes from starts and ends. Undefined: it is the input itself, from `from` on. */
  readonly starts: Int32Array | undefined;
  readonly ends: Int32Array | undefined;

  private constructor(text: string, from: number, to: number, tracked: boolean, starts?: Int32Array, ends?: Int32Array) {
    this.text = text;
    this.from = from;
    this.to = to;
    this.tracked = tracked;
    this.starts = starts;
    this.ends = ends;
  }

  /** A whole input. */
  static of(text: string, tracked: boolean): AlignedText {
    return new AlignedText(text, 0, text.length, tracked);
  }

  /** The code units from `start` to `end`; both are on boundaries of characters. */
  slice(start: number, end: number): AlignedText {
    const { text, starts, ends } = this;
    if (start === 0 && end === text.length) return this.#whole();
    if (starts === undefined || ends === undefined) {
      return new AlignedText(text.slice(start, end), this.from + start, this.from + end, this.tracked);
    }
    const from = start < end ? (starts[start] as number) : this.from + start;
    const to = start < end ? (ends[end - 1] as number) : from;
    return new AlignedText(text.slice(start, end), from, to, true, starts.subarray(start, end), ends.subarray(start, end));
  }

  /** Where the code units from `start` to `end` come from. */
  origin(start: number, end: number): [start: number, end: number] {
    const { starts, ends } = this;
    if (starts === undefined || ends === undefined) return [this.from + start, this.from + end];
    if (start >= end || end > ends.length) return [this.from + start, this.from + end];
    return [starts[start] as number, ends[end - 1] as number];
  }

  /** The text with other content, of which nobody will ask where it comes from. Only for texts that are not tracked. */
  replacedBy(text: string): AlignedText {
    return new AlignedText(text, this.from, this.to, false);
  }

  /** All characters changed; `removed` characters are left out at the beginning. */
  transform(changes: Iterable<Change>, removed = 0): AlignedText {
    if (this.text === '') return this;
    return this.transformRange(this.#firstWithOrigin(), this.text.length, changes, removed);
  }

  /** The characters from `start` to `end` changed. */
  transformRange(start: number, end: number, changes: Iterable<Change>, removed = 0): AlignedText {
    const { text } = this;
    if (!this.tracked) {
      let changed = text.slice(0, start);
      for (const [character] of changes) changed += character;
      return this.replacedBy(changed + text.slice(end));
    }
    const { starts, ends } = this.#alignment();
    const newStarts = new Places();
    const newEnds = new Places();
    const parts: string[] = [];
    let at = skip(text, start, end, removed);
    for (const [character, change] of changes) {
      const source = Math.min(change > 0 ? at - 1 : at, text.length - 1);
      const from = source < 0 ? this.from : (starts[source] as number);
      const to = source < 0 ? this.from : (ends[source] as number);
      for (let unit = 0; unit < character.length; unit++) {
        newStarts.push(from);
        newEnds.push(to);
      }
      parts.push(character);
      if (change <= 0) at = skip(text, at, end, 1 - change);
    }
    return new AlignedText(
      text.slice(0, start) + parts.join('') + text.slice(end),
      this.from,
      this.to,
      true,
      spliced(starts, start, end, newStarts),
      spliced(ends, start, end, newEnds),
    );
  }

  /** Each match replaced by `content`, which then comes from the last character of the match. `matches` are starts and ends in turn. */
  replaceAll(matches: readonly number[], content: string): AlignedText {
    if (matches.length === 0) return this;
    const { text } = this;
    const parts: string[] = [];
    let last = 0;
    for (let i = 0; i < matches.length; i += 2) {
      parts.push(text.slice(last, matches[i]), content);
      last = matches[i + 1] as number;
    }
    const changed = parts.join('') + text.slice(last);
    if (!this.tracked) return this.replacedBy(changed);
    const { starts, ends } = this.#alignment();
    const newStarts = new Int32Array(changed.length);
    const newEnds = new Int32Array(changed.length);
    let to = 0;
    last = 0;
    const copy = (end: number): void => {
      newStarts.set(starts.subarray(last, end), to);
      newEnds.set(ends.subarray(last, end), to);
      to += end - last;
    };
    for (let i = 0; i < matches.length; i += 2) {
      copy(matches[i] as number);
      const source = (matches[i + 1] as number) - 1;
      newStarts.fill(source < 0 ? this.from : (starts[source] as number), to, to + content.length);
      newEnds.fill(source < 0 ? this.from : (ends[source] as number), to, to + content.length);
      to += content.length;
      last = matches[i + 1] as number;
    }
    copy(text.length);
    return new AlignedText(changed, this.from, this.to, true, newStarts, newEnds);
  }

  /** `prefix` put before a text that is not empty: all of it comes from the first character. */
  prepend(prefix: string): AlignedText {
    const { text } = this;
    if (text === '') return this;
    if (!this.tracked) return this.replacedBy(prefix + text);
    const first = String.fromCodePoint(text.codePointAt(0) as number);
    const changes = [...prefix, first].map((character, i): Change => [character, i === 0 ? 0 : 1]);
    return this.transformRange(0, first.length, changes);
  }

  /** A slice that is the whole: what it stands for is what its characters come from. */
  #whole(): AlignedText {
    const { starts, ends, text } = this;
    if (starts === undefined || ends === undefined || text === '') return this;
    return new AlignedText(text, starts[0] as number, ends[text.length - 1] as number, true, starts, ends);
  }

  /** Characters that come from nothing stay out of a change of all characters. */
  #firstWithOrigin(): number {
    const { starts, ends } = this;
    if (starts === undefined || ends === undefined || this.from === this.to) return 0;
    let first = 0;
    while (first < starts.length && starts[first] === ends[first]) first++;
    return first;
  }

  #alignment(): { starts: Int32Array; ends: Int32Array } {
    if (this.starts !== undefined && this.ends !== undefined) return { starts: this.starts, ends: this.ends };
    const { text, from } = this;
    const starts = new Int32Array(text.length);
    const ends = new Int32Array(text.length);
    for (let i = 0; i < text.length; i++) {
      starts[i] = from + i;
      ends[i] = from + i + 1;
      if (!isHighSurrogate(text.charCodeAt(i))) continue;
      ends[i] = from + i + 2;
      i++;
      starts[i] = from + i - 1;
      ends[i] = from + i + 1;
    }
    return { starts, ends };
  }
}

/** Whether a code unit is the first half of a character; texts here are well-formed. */
export function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/** The place `count` characters after `at`, at most `end`. */
function skip(text: string, at: number, end: number, count: number): number {
  let place = at;
  for (let i = 0; i < count && place < end; i++) place += isHighSurrogate(text.charCodeAt(place)) ? 2 : 1;
  return place;
}

function spliced(values: Int32Array, start: number, end: number, inserted: Places): Int32Array {
  const result = new Int32Array(values.length - (end - start) + inserted.count);
  result.set(values.subarray(0, start));
  result.set(inserted.values.subarray(0, inserted.count), start);
  result.set(values.subarray(end), start + inserted.count);
  return result;
}

/** A list that grows: typed arrays are slow to fill from ordinary ones. */
class Places {
  values = new Int32Array(64);
  count = 0;

  push(place: number): void {
    if (this.count === this.values.length) {
      const larger = new Int32Array(this.count * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.count++] = place;
  }
}
