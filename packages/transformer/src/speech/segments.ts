/*
 * The ids that a window gave, cut where it says that a segment ends, and how far the next window moves.
 */

export interface RawSegment {
  /** Steps of the model's times from the beginning of the window. */
  readonly start: number;
  readonly end: number;
  /** With the times before and behind the text. */
  readonly ids: readonly number[];
}

export interface CutWindow {
  readonly segments: readonly RawSegment[];
  /** Steps to the beginning of the next window. */
  readonly advance: number;
  /** Whether something is said at the end of the window that the next one has to hear. */
  readonly isUnfinished: boolean;
}

/**
 * `ids` without the end token, `firstTime` the id of 0.00 s, `steps` how long the window's sound is. Two times beside each other divide segments. What is behind
 * the last such place is unfinished, as the window ended in the middle of it: the next one begins there. A single time at the end says that nothing more is said.
 */
export function cutWindow(ids: readonly number[], firstTime: number, steps: number): CutWindow {
  const isTime = (i: number) => (ids[i] ?? -1) >= firstTime;
  const timeAt = (i: number) => ids[i]! - firstTime;
  const isAtRest = ids.length >= 2 && !isTime(ids.length - 2) && isTime(ids.length - 1);
  const borders = ids.flatMap((_, i) => (i > 0 && isTime(i - 1) && isTime(i) ? [i] : []));
  if (borders.length === 0) {
    // The first time is where the text begins, and only another one is where it ends.
    const last = ids.slice(1).findLast((id) => id >= firstTime);
    const end = last === undefined ? steps : last - firstTime;
    const start = isTime(0) && timeAt(0) < end ? timeAt(0) : 0;
    return { segments: ids.length > 0 ? [{ start, end, ids }] : [], advance: steps, isUnfinished: false };
  }
  const ends = isAtRest ? [...borders, ids.length] : borders;
  const segments = ends.map((end, i) => {
    const from = i === 0 ? 0 : ends[i - 1]!;
    return { start: isTime(from) ? timeAt(from) : 0, end: timeAt(end - 1), ids: ids.slice(from, end) };
  });
  // A window that would not move on would be heard for ever.
  const advance = isAtRest ? steps : Math.min(steps, timeAt(ends.at(-1)! - 1));
  return { segments, advance: advance > 0 ? advance : steps, isUnfinished: !isAtRest };
}
