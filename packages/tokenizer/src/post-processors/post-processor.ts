/*
 * What is put around the tokens of texts. An encoding is described by its segments: parts of the texts' tokens, special tokens, padding. They say
 * what is where, and the tokens themselves, with their offsets, are looked up when they are asked for.
 */

export type Segment =
  | {
      readonly kind: 'text';
      /** Which text: 0, or 1 for the second of a pair. */
      readonly sequence: number;
      /** Of its tokens. */
      readonly from: number;
      readonly to: number;
      readonly typeId: number;
      /** For each trimming of white space from offsets: whether a space was put before the text. */
      readonly trims: readonly boolean[];
    }
  | { readonly kind: 'special' | 'padding'; readonly ids: readonly number[]; readonly tokens: readonly string[]; readonly typeId: number };

/** An encoding and what was cut off from it, each as segments. */
export interface Part {
  readonly segments: readonly Segment[];
  readonly overflowing: readonly Part[];
}

export interface PostProcessor {
  /** How many special tokens are added to one text, or to a pair. */
  added(pair: boolean): number;
  process(parts: readonly Part[], addSpecialTokens: boolean): readonly Part[];
}

export function lengthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + (segment.kind === 'text' ? segment.to - segment.from : segment.ids.length), 0);
}

/** Parts one after the other. What was cut off is combined: every overflow of one with all that the other may be. */
export function mergeParts(parts: readonly Part[]): Part {
  return parts.reduce(merged, { segments: [], overflowing: [] });
}

function merged(first: Part, second: Part): Part {
  const overflowing: Part[] = [];
  for (const overflow of first.overflowing) {
    overflowing.push(merged(overflow, second));
    for (const other of second.overflowing) overflowing.push(merged(overflow, other));
  }
  for (const other of second.overflowing) overflowing.push(merged({ ...first, overflowing: [] }, other));
  return { segments: [...first.segments, ...second.segments], overflowing };
}

export function sequenceProcessor(processors: readonly PostProcessor[]): PostProcessor {
  return {
    added: (pair) => processors.reduce((sum, processor) => sum + processor.added(pair), 0),
    process: (parts, addSpecialTokens) => processors.reduce((processed, { process }) => process(processed, addSpecialTokens), parts),
  };
}

/** GPT-2's: white space does not count in offsets. */
export function byteLevelProcessor(trimOffsets: boolean, addPrefixSpace: boolean): PostProcessor {
  return {
    added: () => 0,
    process: (parts) => (trimOffsets ? parts.map((part) => everywhere(part, (segments) => trimmed(segments, addPrefixSpace))) : parts),
  };
}

export interface SpecialToken {
  id: number;
  token: string;
}

/** BERT's: `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`. */
export function bertProcessor(cls: SpecialToken, sep: SpecialToken): PostProcessor {
  return {
    added: (pair) => (pair ? 3 : 2),
    process: (parts, addSpecialTokens) => {
      if (!addSpecialTokens) return parts;
      return parts.map((part, i) =>
        everywhere(part, (segments) => (i === 0 ? [special(cls, 0), ...segments, special(sep, 0)] : [...segments, special(sep, 1)])),
      );
    },
  };
}

/** RoBERTa's: `<s> A </s>`, `<s> A </s></s> B </s>`, all of type 0. */
export function robertaProcessor(cls: SpecialToken, sep: SpecialToken, trimOffsets: boolean, addPrefixSpace: boolean): PostProcessor {
  return {
    added: (pair) => (pair ? 4 : 2),
    process: (parts, addSpecialTokens) =>
      parts.map((given, i) => {
        const part = trimOffsets ? everywhere(given, (segments) => trimmed(segments, addPrefixSpace)) : given;
        const typed = { ...part, segments: withType(part.segments, 0) };
        if (!addSpecialTokens) return typed;
        return everywhere(typed, (segments) => [special(i === 0 ? cls : sep, 0), ...withType(segments, 0), special(sep, 0)]);
      }),
  };
}

export type TemplatePiece = { sequence: number; typeId: number } | { ids: readonly number[]; tokens: readonly string[]; typeId: number };

/** Special tokens and texts in any order. */
export function templateProcessor(single: readonly TemplatePiece[], pair: readonly TemplatePiece[]): PostProcessor {
  const count = (template: readonly TemplatePiece[]) => template.reduce((sum, piece) => sum + ('ids' in piece ? piece.ids.length : 0), 0);
  return {
    added: (isPair) => count(isPair ? pair : single),
    process: (parts, addSpecialTokens) =>
      (parts.length > 1 ? pair : single).flatMap((piece): Part[] => {
        if ('ids' in piece) {
          const { ids, tokens, typeId } = piece;
          return addSpecialTokens ? [{ segments: [{ kind: 'special', ids, tokens, typeId }], overflowing: [] }] : [];
        }
        const part = parts[piece.sequence];
        return part === undefined ? [] : [{ ...part, segments: withType(part.segments, piece.typeId) }];
      }),
  };
}

function special({ id, token }: SpecialToken, typeId: number): Segment {
  return { kind: 'special', ids: [id], tokens: [token], typeId };
}

function withType(segments: readonly Segment[], typeId: number): Segment[] {
  return segments.map((segment) => ({ ...segment, typeId }));
}

function trimmed(segments: readonly Segment[], addPrefixSpace: boolean): Segment[] {
  return segments.map((segment) => (segment.kind === 'text' ? { ...segment, trims: [...segment.trims, addPrefixSpace] } : segment));
}

/** A change of a part and of all that was cut off from it. */
function everywhere(part: Part, change: (segments: readonly Segment[]) => readonly Segment[]): Part {
  return { segments: change(part.segments), overflowing: part.overflowing.map((overflow) => everywhere(overflow, change)) };
}
