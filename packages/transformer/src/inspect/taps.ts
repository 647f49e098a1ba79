import { indexSelect, ShapeError, type Tensor, tensor, ValueError } from '@multihead/tensor';
import type { Capture, CaptureSelection } from '@multihead/attention';
import type { Tap } from '../context.js';

/*
 * How taps are made that act on some activations only: they ask for the weights of attention where they need them, refuse what does not fit, and
 * say so when a name never came. A name that is misspelt would otherwise change nothing, in silence.
 */

/** Which activations: one name, several, those that a pattern finds, or those that a rule is true for. */
export type Names = string | readonly string[] | RegExp | ((name: string) => boolean);

/** A tap that knows what it is for. */
export interface Intervention extends Tap {
  /** What it was asked to act on and has not met so far. */
  readonly missing: () => readonly string[];
}

export function matcherOf(names: Names): (name: string) => boolean {
  if (typeof names === 'function') return names;
  if (names instanceof RegExp) return (name) => name.search(names) >= 0; // search looks from the start, whatever lastIndex is
  const all = new Set(typeof names === 'string' ? [names] : names);
  return (name) => all.has(name);
}

/** A tap that gives `change` the activations of these names; `op` is for its errors. */
export function tapOn(op: string, names: Names, change: (x: Tensor, name: string) => Tensor | void): Intervention {
  const matches = matcherOf(names);
  const seen = new Set<string>();
  const met = new Set<string>();
  const missing = () => unmet(names, met);
  /** What should have come once the stack of this beginning is at its end; a rule may be for the other stack. */
  const due = (stack: string) =>
    isRule(names) && stack !== '' && stack !== 'decoder.' ? [] : missing().filter((one) => isDue(one, stack));
  const tap = (name: string, x: Tensor): Tensor | void => {
    seen.add(name);
    const isMine = matches(name);
    if (isMine) met.add(name);
    const changed = (isMine && change(x, name)) || undefined;
    if (changed) checkReplacement(op, name, x, changed);
    const end = /^(.*\.)?final$/.exec(name);
    if (end) refuseMissing(op, due(end[1] ?? ''), seen);
    return changed;
  };
  const capture: Tap['capture'] = (name, receive) => (matches(name) ? receive : undefined);
  return Object.assign(tap, { capture, missing });
}

/**
 * One tap of several, each of which sees what those before it have left. Where two of them look at the weights of one attention, all of these are
 * made; a tap that has chosen heads and queries still gets no more than those.
 *
 * @example
 * const tap = compose(ablateHead({ layer: 0, head: 2 }), steer('blocks.1.resid_post', direction, { scale: 4 }));
 * const logits = model.forward(ids, { tap });
 */
export function compose(...taps: readonly Tap[]): Intervention {
  const asked = new Map<string, { tap: Tap; selection: CaptureSelection | undefined }[]>();
  const tap = (name: string, x: Tensor): Tensor | void => {
    const parts = asked.get(name) ?? taps.map((one) => ({ tap: one, selection: undefined }));
    asked.delete(name);
    const now = parts.reduce((y, part) => part.tap(name, part.selection ? pickRows(y, part.selection) : y) ?? y, x);
    return now === x ? undefined : now;
  };
  const capture: Tap['capture'] = (name, receive) => {
    const wanted = taps.flatMap((one) => {
      const found: Capture | undefined = one.capture ? one.capture(name, receive) : receive;
      return found ? [{ tap: one, found }] : [];
    });
    const only = wanted.length === 1;
    const parts = wanted.map(({ tap: one, found }) => ({ tap: one, selection: only ? undefined : found.selection }));
    asked.set(name, parts);
    return only ? wanted[0]!.found : wanted.length > 0 ? receive : undefined;
  };
  const missing = () => taps.flatMap((one) => ('missing' in one ? (one as Intervention).missing() : []));
  return Object.assign(tap, { capture, missing });
}

/** Throws a ValueError for a tap that was asked for activations which the pass did not have. */
export function checkMet(op: string, tap: Tap | undefined, seen: Iterable<string>): void {
  if (tap && 'missing' in tap) refuseMissing(op, (tap as Intervention).missing(), seen);
}

/** Of weights [B, H, Q, K] those of some heads and queries. */
export function pickRows(x: Tensor, { heads, rows }: CaptureSelection): Tensor {
  const along = (y: Tensor, axis: number, places: readonly number[] | undefined) =>
    places ? indexSelect(y, axis, placesIn(places, y.shape[axis]!, y)) : y;
  return along(along(x, 1, heads), 2, rows);
}

/** As int32; negative ones count from the end. */
export function placesIn(places: readonly number[], n: number, { backend }: Tensor): Tensor {
  return tensor(
    Int32Array.from(places, (i) => (i < 0 ? i + n : i)),
    { backend },
  );
}

/** These places of `n`, negative ones counted from the end. Throws a ValueError for one that there is not. */
export function checkPlaces(op: string, argument: string, places: readonly number[], n: number): number[] {
  const wrong = places.find((i) => !Number.isInteger(i) || i < -n || i >= n);
  if (wrong !== undefined) throw new ValueError(`${op}: ${argument}: expected integers from ${-n} to ${n - 1}, got ${wrong}`);
  return places.map((i) => (i < 0 ? i + n : i));
}

function checkReplacement(op: string, name: string, x: Tensor, changed: Tensor): void {
  if (String(changed.shape) === String(x.shape) && changed.dtype === x.dtype) return;
  const [want, got] = [x, changed].map(({ dtype, shape }) => `${dtype} [${shape.join(', ')}]`);
  throw new ShapeError(`${op}: ${name}: expected ${want} in its place, got ${got}`);
}

/** Those of the names, or the rule, that nothing has met. */
export function unmet(names: Names, met: ReadonlySet<string>): string[] {
  if (typeof names === 'string') return met.has(names) ? [] : [names];
  if (isRule(names)) return met.size > 0 ? [] : [String(names)];
  return names.filter((name) => !met.has(name));
}

function isRule(names: Names): names is Exclude<Names, string | readonly string[]> {
  return names instanceof RegExp || typeof names === 'function';
}

const stacks = /^(encoder|decoder|text|vision)\./;

/** Of two stacks the other one may still come, or not at all; a name of neither is of none. */
function isDue(name: string, stack: string): boolean {
  return stack === '' || (stacks.exec(name)?.[0] ?? stack) === stack;
}

export function refuseMissing(op: string, missing: readonly string[], seen: Iterable<string>): void {
  if (missing.length === 0) return;
  const all = [...seen];
  const blocks = all.flatMap((name) => /^(.*?blocks)\.(\d+)\./.exec(name)?.slice(1, 3).join('.') ?? []);
  const last = [...new Map(blocks.map((block) => [block.replace(/\.\d+$/, ''), block])).values()];
  const parts = [...new Set(all.map((name) => name.replace(/^(.*?)blocks\.\d+\./, '$1blocks.i.')))];
  throw new ValueError(
    `${op}: expected names of activations, got ${missing.join(', ')}; there are ${parts.join(', ')}, up to ${last.join(' and ') || 'no block'}`,
  );
}
